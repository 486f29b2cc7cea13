"""The ip-adapter file: both of its forms are taken, and what does not fit the UNet is refused."""

from pathlib import Path
from typing import Any

import pytest
import tiny_networks
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.ip_adapter import find_ip_adapter, plan_ip_adapter, read_ip_adapter
from instantid_server.stages.compute import without_weights
from tests.unit.importing.sources import TinySources

Content = dict[str, dict[str, torch.Tensor]]


def content() -> Content:
    return {
        "image_proj": tiny_networks.tiny_image_proj(),
        "ip_adapter": tiny_networks.tiny_adapter(tiny_networks.tiny_unet()),
    }


def skeleton() -> UNet2DConditionModel:
    with without_weights():
        return UNet2DConditionModel.from_config(tiny_networks.UNET_CONFIG)


def refusal(path: Path, spoilt: object) -> str:
    torch.save(spoilt, path)
    with pytest.raises(ImportFailed) as caught:
        plan_ip_adapter(path, skeleton(), torch.float16)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["ip-adapter.bin", "ip-adapter.safetensors"])
def test_both_forms_hold_the_same(tiny_sources: TinySources, name: str) -> None:
    read = read_ip_adapter(tiny_sources.folder / name)
    for part, tensors in content().items():
        assert read[part].keys() == tensors.keys()
        assert all(torch.equal(read[part][key], tensors[key]) for key in tensors)


def test_files_are_the_resampler_and_the_adapter(tiny_sources: TinySources) -> None:
    files = plan_ip_adapter(tiny_sources.ip_adapter, skeleton(), torch.float16)
    assert [str(file.path) for file in files] == [
        "id_resampler/1/image_proj.safetensors",
        "unet/1/ip_adapter.safetensors",
    ]
    assert [len(file.shapes) for file in files] == [51, len(content()["ip_adapter"])]


def test_folder_that_holds_the_released_file_is_taken(tiny_sources: TinySources) -> None:
    assert find_ip_adapter(tiny_sources.folder) == tiny_sources.ip_adapter
    with pytest.raises(ImportFailed, match=r"expected ip-adapter\.bin"):
        find_ip_adapter(tiny_sources.base)


def test_missing_key_is_named(tmp_path: Path) -> None:
    spoilt = content()
    del spoilt["ip_adapter"]["1.to_k_ip.weight"]
    assert "ip_adapter: expected" in refusal(tmp_path / "x.bin", spoilt)
    assert "missing: 1.to_k_ip.weight" in refusal(tmp_path / "x.bin", spoilt)


def test_adapter_counted_from_zero_is_refused(tmp_path: Path) -> None:
    spoilt = content()
    spoilt["ip_adapter"] = {
        f"{int(name.split('.')[0]) - 1}.{name.split('.', 1)[1]}": tensor
        for name, tensor in spoilt["ip_adapter"].items()
    }
    assert "unexpected: 0.to_k_ip.weight" in refusal(tmp_path / "x.bin", spoilt)


def test_resampler_of_another_shape_is_refused(tmp_path: Path) -> None:
    spoilt = content()
    spoilt["image_proj"]["proj_in.weight"] = torch.zeros(128, 768)  # CLIP's, of another adapter
    assert "proj_in.weight is [128, 768] and not [128, 512]" in refusal(tmp_path / "x.bin", spoilt)


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        pytest.param(
            {"image_proj": {}, "ip_adapter": {}}, "image_proj.latents is missing", id="empty"
        ),
        pytest.param({"unet": {}}, "a dict of tensors called image_proj", id="something-else"),
        pytest.param({**content(), "ema": {}}, "unexpected beside image_proj", id="more"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, spoilt: dict[str, Any], told: str) -> None:
    assert told in refusal(tmp_path / "x.bin", spoilt)


def test_unknown_prefix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ip-adapter.safetensors"
    save_file({"proj.weight": torch.zeros(1)}, path)
    with pytest.raises(ImportFailed, match=r"proj\.weight begins neither"):
        read_ip_adapter(path)
