"""Previews: colours read off the latents."""

from io import BytesIO

import numpy as np
import torch
from PIL import Image

from instantid_server.previews import LatentPalette


def palette(bias: float) -> LatentPalette:
    weight = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
    return LatentPalette(weight, np.full(3, bias, np.float32))


def colours(encoded: bytes) -> list[int]:
    return np.asarray(Image.open(BytesIO(encoded)))[4, 4].astype(int).tolist()


def test_each_channel_adds_its_colour_to_the_bias() -> None:
    latents = torch.tensor([1.0, 0.0])[None, :, None, None].repeat(1, 1, 8, 12)
    (preview,) = palette(0.25).preview(latents)
    assert Image.open(BytesIO(preview)).size == (12, 8)
    np.testing.assert_allclose(colours(preview), [191, 64, 64], atol=10)


def test_colours_outside_the_range_are_cut() -> None:
    latents = torch.tensor([9.0, -9.0])[None, :, None, None].repeat(1, 1, 8, 8)
    (preview,) = palette(0.5).preview(latents)
    np.testing.assert_allclose(colours(preview), [255, 0, 128], atol=12)


def test_every_picture_has_a_preview() -> None:
    assert palette(0.5).preview(torch.zeros(3, 2, 8, 8)).shape == (3,)
