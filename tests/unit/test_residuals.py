"""Residuals: packed for the way, unpacked as the UNet wants them."""

import pytest
import torch
from tiny_networks import CROSS_ATTENTION_DIM, LATENT_CHANNELS, POOLED_DIM, tiny_controlnet

from instantid_server.stages.residuals import pack_residuals, residual_shapes, unpack_residuals

SDXL = {"block_out_channels": [320, 640, 1280], "layers_per_block": 2}


@pytest.fixture(scope="module")
def controlnet() -> torch.nn.Module:
    return tiny_controlnet()


def residuals_of(
    controlnet: torch.nn.Module, rows: int, height: int, width: int
) -> tuple[list[torch.Tensor], torch.Tensor]:
    added = {"text_embeds": torch.ones(rows, POOLED_DIM), "time_ids": torch.ones(rows, 6)}
    with torch.inference_mode():
        down, mid = controlnet(
            torch.randn(rows, LATENT_CHANNELS, height, width),
            torch.tensor([10] * rows),
            encoder_hidden_states=torch.randn(rows, 16, CROSS_ATTENTION_DIM),
            controlnet_cond=torch.rand(rows, 3, 8 * height, 8 * width),
            added_cond_kwargs=added,
            return_dict=False,
        )
    return list(down), mid


@pytest.mark.parametrize("size", [(8, 8), (8, 12), (9, 11), (13, 10)])
def test_shapes_are_those_of_a_real_controlnet(
    controlnet: torch.nn.Module, size: tuple[int, int]
) -> None:
    down, mid = residuals_of(controlnet, 1, *size)
    expected = [tuple(residual.shape[1:]) for residual in (*down, mid)]
    assert residual_shapes(controlnet.config, *size) == expected


def test_sdxl_has_nine_residuals_and_a_mid_one() -> None:
    shapes = residual_shapes(SDXL, 128, 128)
    assert len(shapes) == 10
    assert shapes[0] == (320, 128, 128)
    assert shapes[-2:] == [(1280, 32, 32), (1280, 32, 32)]


def test_layers_may_be_counted_block_by_block() -> None:
    counted = {**SDXL, "layers_per_block": [2, 2, 2]}
    assert residual_shapes(counted, 64, 96) == residual_shapes(SDXL, 64, 96)


def test_unpacked_residuals_are_the_packed_ones(controlnet: torch.nn.Module) -> None:
    down, mid = residuals_of(controlnet, 2, 9, 11)
    packed = pack_residuals(down, mid)
    assert packed.shape[0] == 2
    got_down, got_mid = unpack_residuals(packed, residual_shapes(controlnet.config, 9, 11))
    assert all(torch.equal(got, want) for got, want in zip(got_down, down, strict=True))
    assert torch.equal(got_mid, mid)


def test_residuals_are_unpacked_without_a_copy(controlnet: torch.nn.Module) -> None:
    packed = pack_residuals(*residuals_of(controlnet, 1, 8, 8))
    down, _ = unpack_residuals(packed, residual_shapes(controlnet.config, 8, 8))
    assert down[0].data_ptr() == packed.data_ptr()
