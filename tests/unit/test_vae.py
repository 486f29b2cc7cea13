"""The VAE's two halves."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_networks import tiny_vae, write_vae_half

from instantid_server.errors import InvalidInput
from instantid_server.node import NodeContext
from instantid_server.stages.vae import VaeDecoder, VaeEncoder

Context = Callable[[str], NodeContext]


def pixels(rows: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (rows, height, width, 3), dtype=torch.uint8, generator=generator)


def test_picture_comes_back_in_its_size(node_context: Context) -> None:
    encoder = VaeEncoder.load(node_context("vae_encoder"))
    decoder = VaeDecoder.load(node_context("vae_decoder"))
    (latents,) = encoder.run([{"image": pixels(2, 64, 96)}])
    assert latents["latents"].shape == (2, 4, 8, 12)
    (decoded,) = decoder.run([latents])
    assert (decoded["image"].shape, decoded["image"].dtype) == ((2, 64, 96, 3), torch.uint8)


@torch.inference_mode()
def test_latents_are_the_scaled_mean_of_the_posterior(node_context: Context) -> None:
    image = pixels(1, 64, 64)
    vae = tiny_vae()
    plain = vae.encode(image.permute(0, 3, 1, 2).float() / 127.5 - 1).latent_dist.mean
    (outcome,) = VaeEncoder.load(node_context("vae_encoder")).run([{"image": image}])
    expected = plain * vae.config.scaling_factor
    torch.testing.assert_close(outcome["latents"], expected, atol=1e-5, rtol=1e-4)


class FlatNetwork(torch.nn.Module):
    """A decoder whose pixels all have the value of the first latent."""

    config = tiny_vae().config

    def decode(self, latents: torch.Tensor) -> object:
        class Output:
            sample = latents[:, :1].repeat(1, 3, 1, 1).repeat_interleave(8, 2)

        return Output


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1.0, 0), (1.0, 255), (0.0, 128), (-3.0, 0), (3.0, 255), (100.4 / 127.5 - 1, 100)],
    ids=["black", "white", "grey", "below", "above", "rounded"],
)
def test_pixels_are_rounded_and_cut_at_both_ends(
    node_context: Context, value: float, expected: int
) -> None:
    decoder = VaeDecoder.load(node_context("vae_decoder"))
    decoder._network = FlatNetwork()
    latents = torch.full((1, 4, 8, 8), value * FlatNetwork.config.scaling_factor)
    (outcome,) = decoder.run([{"latents": latents}])
    assert outcome["image"].unique().tolist() == [expected]


@pytest.mark.parametrize(("height", "width"), [(60, 64), (64, 60)])
def test_sides_that_are_no_multiple_are_refused(
    node_context: Context, height: int, width: int
) -> None:
    encoder = VaeEncoder.load(node_context("vae_encoder"))
    (outcome,) = encoder.run([{"image": pixels(1, height, width)}])
    assert isinstance(outcome, InvalidInput)
    assert f"multiples of 8, got {height}x{width}" in outcome.message


@pytest.mark.parametrize(("force_upcast", "dtype"), [(True, torch.float32), (False, torch.float16)])
@pytest.mark.parametrize(
    ("half", "kind"), [("vae_decoder", VaeDecoder), ("vae_encoder", VaeEncoder)]
)
def test_vae_that_overflows_in_half_precision_computes_in_full(
    node_context: Context,
    tiny_repository: Path,
    tmp_path: Path,
    half: str,
    kind: type[VaeDecoder] | type[VaeEncoder],
    force_upcast: bool,
    dtype: torch.dtype,
) -> None:
    shutil.copytree(tiny_repository / "instantid", tmp_path / "instantid")
    directory = tmp_path / half / "1"
    write_vae_half(directory, tiny_vae(force_upcast), half)
    context = replace(
        node_context(half),
        directory=directory,
        parameters={"dtype": "float16"},
        output_types={"latents": "FP16"},
    )
    stage = kind.load(context)
    assert {tensor.dtype for tensor in stage._network.state_dict().values()} == {dtype}
