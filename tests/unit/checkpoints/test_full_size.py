"""The released files at full size, on the meta device: what they hold the importer wants."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from instantid_server.importing.checks import check_tensors
from instantid_server.importing.ip_adapter import expected_adapter, expected_image_proj
from instantid_server.importing.network import Config, Network
from instantid_server.importing.sdxl import SDXL_BASE
from instantid_server.importing.skeleton import diffusers_skeleton, network_shapes, text_skeleton
from instantid_server.stages.attention import load_adapter
from tests.checkpoints.configs import unet_config
from tests.checkpoints.safety_checker import safety_shapes
from tests.checkpoints.scale import FULL, REDUCED
from tests.checkpoints.shapes import (
    Shapes,
    controlnet_shapes,
    image_proj_shapes,
    ip_adapter_shapes,
    text_shapes,
    unet_shapes,
    vae_shapes,
)
from tests.checkpoints.single_file import single_file_tensors


@pytest.fixture
def unet() -> UNet2DConditionModel:
    with torch.device("meta"):
        return UNet2DConditionModel.from_config(unet_config(FULL))


def count(shapes: Shapes) -> int:
    return sum(shape.numel() for shape in shapes.values())


@pytest.mark.parametrize(
    ("shapes", "tensors", "parameters"),
    [
        pytest.param(image_proj_shapes, 51, 81_978_624, id="image_proj"),
        pytest.param(ip_adapter_shapes, 140, 340_787_200, id="ip_adapter"),
        pytest.param(controlnet_shapes, 844, 1_251_014_160, id="identitynet"),
        pytest.param(unet_shapes, 1680, 2_567_463_684, id="unet"),
        pytest.param(vae_shapes, 248, 83_653_863, id="vae"),
        pytest.param(partial(text_shapes, index=0), 196, 123_060_480, id="text_encoder"),
        pytest.param(partial(text_shapes, index=1), 517, 694_659_840, id="text_encoder_2"),
        pytest.param(safety_shapes, 396, 303_981_588, id="safety_checker"),
    ],
)
def test_networks_have_the_released_files_tensors_and_the_reduced_ones_too(
    shapes: Callable[..., Shapes], tensors: int, parameters: int
) -> None:
    found = shapes(FULL)
    assert (len(found), count(found)) == (tensors, parameters)
    assert shapes(REDUCED).keys() == found.keys()


def test_single_file_joins_queries_keys_and_values_and_loses_nothing() -> None:
    joined = 32 * 2 * 2  # in each layer of the second encoder, three weights and biases became one
    beside = 2  # position_ids and logit_scale
    expected = 1680 + 248 + 196 + (517 - joined) + beside
    assert len(single_file_tensors(REDUCED, torch.float16)) == expected


def test_ip_adapter_has_as_many_parameters_as_the_released_file() -> None:
    assert count(image_proj_shapes(FULL)) + count(ip_adapter_shapes(FULL)) == 422_765_824


def test_importer_wants_exactly_the_released_adapter(unet: UNet2DConditionModel) -> None:
    check_tensors("image_proj", image_proj_shapes(FULL), expected_image_proj(1280, 2048))
    check_tensors("ip_adapter", ip_adapter_shapes(FULL), expected_adapter(unet))


def test_stage_takes_the_released_adapter_and_nothing_less(unet: UNet2DConditionModel) -> None:
    with torch.device("meta"):
        tensors = {name: torch.empty(shape) for name, shape in ip_adapter_shapes(FULL).items()}
        load_adapter(unet, tensors)
        del tensors["139.to_v_ip.weight"]
        with pytest.raises(RuntimeError, match=r"Missing key.*139.to_v_ip.weight"):
            load_adapter(unet, tensors)


@pytest.mark.parametrize(
    ("kind", "config", "shapes"),
    [
        pytest.param(UNet2DConditionModel, SDXL_BASE.unet, unet_shapes, id="unet"),
        pytest.param(AutoencoderKL, SDXL_BASE.vae, vae_shapes, id="vae"),
    ],
)
def test_configs_for_a_single_file_make_sdxl(
    kind: type, config: Config, shapes: Callable[..., Shapes]
) -> None:
    skeleton = diffusers_skeleton(kind, Network("base", config, dict))
    assert network_shapes(skeleton) == shapes(FULL)


@pytest.mark.parametrize("index", [0, 1])
def test_configs_for_a_single_file_make_sdxls_text_encoders(index: int) -> None:
    kind = (CLIPTextModel, CLIPTextModelWithProjection)[index]
    skeleton = text_skeleton(kind, Network("base", SDXL_BASE.text_encoders[index], dict))
    wanted = {name.removeprefix("text_model."): s for name, s in text_shapes(FULL, index).items()}
    found = {
        name.removeprefix("text_model."): shape for name, shape in network_shapes(skeleton).items()
    }
    assert found == wanted
