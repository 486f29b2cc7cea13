"""Previews: colours read off the latents, and when they are shown."""

from io import BytesIO
from time import process_time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from instantid_server.previews import LatentPalette, is_due
from instantid_server.trust.xmp import xmp_packet

RUN_S = 30 * 0.038  # thirty steps of one pocket picture on two cores
PREVIEWS_OF_A_RUN = 4  # at the default of every five steps


def palette(bias: float) -> LatentPalette:
    weight = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
    return LatentPalette(weight, np.full(3, bias, np.float32))


def pixels(encoded: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(encoded)))


def test_each_channel_adds_its_colour_to_the_bias() -> None:
    latents = torch.tensor([1.0, 0.0])[None, :, None, None].repeat(1, 1, 8, 12)
    (preview,) = palette(0.25).preview(latents)
    np.testing.assert_allclose(pixels(preview)[4, 4], [191, 64, 64], atol=10)


def test_colours_outside_the_range_are_cut() -> None:
    latents = torch.tensor([9.0, -9.0])[None, :, None, None].repeat(1, 1, 8, 8)
    (preview,) = palette(0.5).preview(latents)
    np.testing.assert_allclose(pixels(preview)[4, 4], [255, 0, 128], atol=12)


def test_every_picture_has_a_preview() -> None:
    assert palette(0.5).preview(torch.zeros(3, 2, 8, 8)).shape == (3,)


@pytest.mark.parametrize(
    ("latent_size", "size_px"),
    [
        pytest.param((16, 16), (128, 128), id="pocket"),
        pytest.param((128, 128), (128, 128), id="real"),
        pytest.param((8, 128), (32, 512), id="low-and-wide"),
        pytest.param((128, 8), (2048, 128), id="high-and-narrow"),
    ],
)
def test_latent_is_a_pixel_unless_the_label_would_not_fit(
    latent_size: tuple[int, int], size_px: tuple[int, int]
) -> None:
    (preview,) = palette(0.5).preview(torch.zeros(1, 2, *latent_size))
    assert pixels(preview).shape[:2] == size_px


@pytest.mark.parametrize("brightness", [-9.0, 9.0], ids=["dark", "bright"])
def test_preview_is_labelled_in_its_lower_left_corner_and_nowhere_else(brightness: float) -> None:
    latents = torch.full((1, 2, 16, 16), brightness)
    (preview,) = palette(0.5).preview(latents)
    (plain,) = np.unique(pixels(preview)[64], axis=0)
    label, rest = pixels(preview)[-16:, :52].astype(int), pixels(preview)[:-24]
    assert (label.min(), label.max()) == pytest.approx((0, 255), abs=20)
    assert np.abs(rest.astype(int) - plain).max() < 20


@pytest.mark.parametrize(
    ("every", "expected"), [(0, []), (1, [1, 2, 3, 4, 5, 6, 7, 8]), (3, [3, 6]), (5, [5])]
)
def test_no_preview_is_due_after_four_fifths_of_the_steps(every: int, expected: list[int]) -> None:
    assert [step for step in range(1, 11) if is_due(step, 10, every)] == expected


def test_previews_take_less_than_a_hundredth_of_the_run() -> None:
    pocket = LatentPalette(np.ones((4, 3), np.float32) / 8, np.full(3, 0.5, np.float32))
    latents = torch.randn(1, 4, 16, 16)
    seconds = []
    for _ in range(20):
        started = process_time()
        pocket.preview(latents)
        seconds.append(process_time() - started)
    assert min(seconds) * PREVIEWS_OF_A_RUN < RUN_S / 100


def test_preview_says_in_plain_words_that_a_model_made_it() -> None:
    (preview,) = palette(0.5).preview(torch.zeros(1, 2, 8, 8))
    assert Image.open(BytesIO(preview)).info["xmp"] == xmp_packet()
