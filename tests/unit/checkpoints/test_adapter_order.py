"""The adapter's 140 tensors from the released file to the module that each one belongs to."""

from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file

from instantid_server.importing.ip_adapter import plan_ip_adapter
from instantid_server.stages.attention import load_adapter
from tests.checkpoints.configs import unet_config
from tests.checkpoints.instantid import save_ip_adapter
from tests.checkpoints.numbers import RandomTensors
from tests.checkpoints.scale import REDUCED
from tests.checkpoints.shapes import image_proj_shapes, ip_adapter_shapes

# InstantID's table: odd numbers from, to; where; how many attentions, each with how many layers.
_PLACES = (
    (1, 7, "down_blocks.1", 2, 2),
    (9, 47, "down_blocks.2", 2, 10),
    (49, 107, "up_blocks.0", 3, 10),
    (109, 119, "up_blocks.1", 3, 2),
    (121, 139, "mid_block", 1, 10),
)
_STEP = 1 / 64  # every multiple up to 140 of it is exact in half precision


def layers() -> dict[int, str]:
    """Return the module of each odd number."""
    found: dict[int, str] = {}
    for first, last, block, attentions, depth in _PLACES:
        names = [
            f"{block}.attentions.{attention}.transformer_blocks.{layer}.attn2"
            for attention in range(attentions)
            for layer in range(depth)
        ]
        found.update(zip(range(first, last + 1, 2), names, strict=True))
    return found


@pytest.fixture(params=["ip-adapter.bin", "ip-adapter.safetensors"])
def served_unet(request: pytest.FixtureRequest, tmp_path: Path) -> UNet2DConditionModel:
    """A UNet with the adapter that was imported from constants 1/64, 2/64, ..., 140/64."""
    constants = {
        name: torch.full(shape, _STEP * number)
        for number, (name, shape) in enumerate(ip_adapter_shapes(REDUCED).items(), start=1)
    }
    resampler = RandomTensors(image_proj_shapes(REDUCED), torch.float32)
    source = tmp_path / request.param
    save_ip_adapter(source, resampler, constants)
    with torch.device("meta"):
        skeleton = UNet2DConditionModel.from_config(unet_config(REDUCED))
    for file in plan_ip_adapter(source, skeleton, torch.float16):
        (tmp_path / file.path).parent.mkdir(parents=True)
        file.write(tmp_path)
    unet = UNet2DConditionModel.from_config(unet_config(REDUCED))
    load_adapter(unet, load_file(tmp_path / "unet/1/ip_adapter.safetensors"))
    return unet


def test_each_tensor_lands_in_its_module(served_unet: UNet2DConditionModel) -> None:
    found, wanted = {}, {}
    for position, (number, layer) in enumerate(layers().items()):
        processor = served_unet.get_submodule(layer).processor
        for part, name in enumerate(("to_k_ip", "to_v_ip")):
            values = getattr(processor, name).weight.unique()
            found[number, layer, name] = values.tolist()
            wanted[number, layer, name] = [_STEP * (2 * position + part + 1)]
    assert len(found) == 140
    assert found == wanted
