"""The palette: previews get the colours that the VAE's latents stand for."""

from types import SimpleNamespace
from typing import Any

import pytest
import tiny_networks
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.palette import colour_fields, fit_palette

MIXING = torch.tensor([[0.5, 0.2, 0.1, 0.3], [0.0, 0.7, 0.1, -0.4], [0.2, 0.0, 0.9, 0.1]])


class MixingVae:
    """Encodes the mean colour of each cell, mixed into four channels."""

    config = SimpleNamespace(block_out_channels=(1, 1, 1, 1), scaling_factor=0.5)
    device = torch.device("cpu")

    def encode(self, pixels: Tensor) -> Any:
        cells = avg_pool2d(pixels, 8)
        latents = torch.einsum("nchw,cl->nlhw", cells, MIXING)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))


def test_fields_cover_the_colours() -> None:
    fields = colour_fields(8)
    assert fields.shape == (6, 3, 256, 256)
    assert fields.min() < 0.05
    assert fields.max() > 0.95
    assert torch.equal(fields, colour_fields(8))


def test_linear_vae_is_read_exactly() -> None:
    vae = MixingVae()
    palette = fit_palette(vae, colour_fields(8))
    picture = torch.rand(1, 3, 64, 64)
    latents = vae.encode(picture * 2 - 1).latent_dist.mode() * vae.config.scaling_factor
    weight, bias = (torch.tensor(palette[f"latent_rgb_{part}"]) for part in ("weight", "bias"))
    colours = latents.permute(0, 2, 3, 1) @ weight + bias
    torch.testing.assert_close(
        colours, avg_pool2d(picture, 8).permute(0, 2, 3, 1), atol=1e-3, rtol=0
    )


def test_vae_that_makes_no_numbers_is_refused() -> None:
    vae = tiny_networks.tiny_vae()
    torch.nn.init.constant_(vae.quant_conv.weight, float("nan"))
    with pytest.raises(ImportFailed, match="not finite"):
        fit_palette(vae, colour_fields(8)[:1])
