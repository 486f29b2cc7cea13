"""SDXL and IdentityNet: each network has the tensors of its config, and they fit each other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_networks
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from instantid_server.importing.base import read_base
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.identitynet import find_identitynet, plan_identitynet
from instantid_server.importing.network import (
    DIFFUSERS_WEIGHTS,
    TRANSFORMERS_WEIGHTS,
    NetworkFolder,
)
from instantid_server.importing.text_encoders import plan_text_encoder, plan_tokenizer
from instantid_server.importing.unet import plan_unet, unet_skeleton
from instantid_server.importing.vae import plan_vae
from instantid_server.stages.pose import KeypointMapSize
from tests.unit.importing.sources import TinySources

WEIGHTS = f"{DIFFUSERS_WEIGHTS}.safetensors"
UNET_CONFIG = {**tiny_networks.UNET_CONFIG, "_class_name": "UNet2DConditionModel"}


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    save_file(tensors, path)


def plan_base(base: Path) -> None:
    """Check an SDXL folder as an import does."""
    checkpoint = read_base(base, None)
    plan_unet(checkpoint.unet, unet_skeleton(checkpoint), [], torch.float16)
    plan_vae(checkpoint.vae, torch.float16)
    for index, encoder in enumerate(checkpoint.text_encoders):
        plan_text_encoder(encoder, index, [], torch.float16)
        plan_tokenizer(checkpoint.tokenizers[index], index, encoder.config["vocab_size"])


def plan_controlnet(folder: Path, unet: dict[str, Any]) -> None:
    network = find_identitynet(folder).network()
    plan_identitynet(network, unet, KeypointMapSize(), torch.float16)


def tiny_unet_config() -> dict[str, Any]:
    return dict(tiny_networks.tiny_unet().config)


def test_whole_checkpoint_passes(tiny_sources: TinySources) -> None:
    plan_base(tiny_sources.base)
    plan_controlnet(tiny_sources.identitynet, tiny_unet_config())


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"unet/{WEIGHTS}", "conv_in.weight"),
        (f"vae/{WEIGHTS}", "decoder.conv_in.weight"),
        ("text_encoder/model.safetensors", "final_layer_norm.bias"),
        ("text_encoder_2/model.safetensors", "text_projection.weight"),
    ],
)
def test_missing_and_misshapen_tensors_are_named(
    own_sources: TinySources, file: str, name: str
) -> None:
    path = own_sources.base / file
    change_tensors(path, lambda tensors: tensors.update({name: tensors[name][:1].clone()}))
    with pytest.raises(ImportFailed, match=f"{path.parent.name}.*of another shape: {name}"):
        plan_base(own_sources.base)
    change_tensors(path, lambda tensors: tensors.pop(name))
    with pytest.raises(ImportFailed, match=f"{path.parent.name}.*missing: {name}"):
        plan_base(own_sources.base)


def test_unexpected_tensor_is_named(own_sources: TinySources) -> None:
    path = own_sources.base / "unet" / WEIGHTS
    change_tensors(path, lambda tensors: tensors.update({"ema.decay": torch.zeros(1)}))
    with pytest.raises(ImportFailed, match=r"unet.*unexpected: ema\.decay"):
        plan_base(own_sources.base)


@pytest.mark.parametrize(
    ("part", "changes", "told"),
    [
        pytest.param("unet", {"in_channels": 9}, "in_channels is 9, expected 4", id="inpainting"),
        pytest.param(
            "unet", {"addition_embed_type": None}, "addition_embed_type is None", id="sd-1.5"
        ),
        pytest.param(
            "unet", {"cross_attention_dim": 32}, "cross_attention_dim is 32", id="other-text"
        ),
        pytest.param("unet", {"_class_name": "Kandinsky3UNet"}, "_class_name", id="other-class"),
        pytest.param("unet", {"block_out_channels": [3]}, "no UNet2DConditionModel", id="nonsense"),
        pytest.param("vae", {"shift_factor": 0.1}, "shift_factor is 0.1", id="moving-vae"),
        pytest.param("text_encoder_2", {"projection_dim": 9}, "projection_dim is 9", id="pooled"),
    ],
)
def test_checkpoint_of_another_kind_is_refused(
    own_sources: TinySources, part: str, changes: dict[str, Any], told: str
) -> None:
    change_config(own_sources.base / part, **changes)
    with pytest.raises(ImportFailed, match=told):
        plan_base(own_sources.base)


def test_names_of_older_transformers_are_taken(own_sources: TinySources) -> None:
    path = own_sources.base / "text_encoder" / "model.safetensors"

    def age(tensors: dict[str, torch.Tensor]) -> None:
        new = dict(tensors)
        tensors.clear()
        tensors.update({f"text_model.{name}": tensor for name, tensor in new.items()})
        tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]

    change_tensors(path, age)
    plan_base(own_sources.base)


def test_sharded_and_half_precision_files_are_found(own_sources: TinySources) -> None:
    folder = own_sources.base / "unet"
    whole = NetworkFolder.find(folder, DIFFUSERS_WEIGHTS).read()
    (folder / WEIGHTS).rename(folder / f"{DIFFUSERS_WEIGHTS}.fp16.safetensors")
    assert NetworkFolder.find(folder, DIFFUSERS_WEIGHTS).read().keys() == whole.keys()
    UNet2DConditionModel.from_config(UNET_CONFIG).save_pretrained(folder, max_shard_size="50KB")
    sharded = NetworkFolder.find(folder, DIFFUSERS_WEIGHTS)
    assert len(sharded.weights) > 1
    assert sharded.read().keys() == whole.keys()


@pytest.mark.parametrize("shard", [".fp16-00001-of-00001", "-00001-of-00001.fp16"])
def test_shards_in_half_precision_are_found(own_sources: TinySources, shard: str) -> None:
    folder = own_sources.base / "text_encoder_2"
    names = load_file(folder / "model.safetensors").keys()
    (folder / "model.safetensors").rename(folder / f"model{shard}.safetensors")
    index = {"weight_map": dict.fromkeys(names, f"model{shard}.safetensors")}
    (folder / "model.safetensors.index.fp16.json").write_text(json.dumps(index))
    assert NetworkFolder.find(folder, TRANSFORMERS_WEIGHTS).read().keys() == names


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_attention_names_of_older_diffusers_are_taken(own_sources: TinySources, part: str) -> None:
    path = own_sources.base / "vae" / WEIGHTS
    new = load_file(path)
    block = f"{part}.mid_block.attentions.0."
    old_names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def age(tensors: dict[str, torch.Tensor]) -> None:
        for today, old in old_names.items():
            for kind in ("weight", "bias"):
                tensors[f"{block}{old}.{kind}"] = tensors.pop(f"{block}{today}.{kind}")

    change_tensors(path, age)
    assert f"{block}proj_attn.bias" in load_file(path)
    plan_base(own_sources.base)
    read = NetworkFolder.find(path.parent, DIFFUSERS_WEIGHTS).read()
    assert read.keys() == new.keys()
    assert all(torch.equal(read[name], new[name]) for name in new)
    loaded = AutoencoderKL.from_pretrained(path.parent).state_dict()  # diffusers' own renaming
    assert all(torch.equal(read[name], loaded[name]) for name in new)


def test_attention_in_both_namings_is_refused(own_sources: TinySources) -> None:
    name = "decoder.mid_block.attentions.0.query.weight"
    change_tensors(
        own_sources.base / "vae" / WEIGHTS, lambda tensors: tensors.update({name: torch.zeros(1)})
    )
    with pytest.raises(ImportFailed, match=f"unexpected: {name}"):
        plan_base(own_sources.base)


@pytest.mark.parametrize(
    "index", [{"weight_map": {"conv_in.weight": "../vae/x.safetensors"}}, {}], ids=["path", "empty"]
)
def test_index_that_names_no_files_beside_it_is_refused(
    own_sources: TinySources, index: dict[str, object]
) -> None:
    folder = own_sources.base / "unet"
    (folder / f"{DIFFUSERS_WEIGHTS}.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ImportFailed, match="is no file beside it"):
        NetworkFolder.find(folder, DIFFUSERS_WEIGHTS)


def test_folder_without_weights_or_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=r"no config\.json"):
        NetworkFolder.find(tmp_path, DIFFUSERS_WEIGHTS)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ImportFailed, match=rf"expected {WEIGHTS}\. No \.bin is fetched"):
        NetworkFolder.find(tmp_path, DIFFUSERS_WEIGHTS)


def test_vae_that_overflows_is_kept_in_float32(own_sources: TinySources) -> None:
    vae = own_sources.base / "vae"
    for upcast, kept in ((False, torch.float16), (True, torch.float32)):
        change_config(vae, force_upcast=upcast)
        files = plan_vae(NetworkFolder.find(vae, DIFFUSERS_WEIGHTS).network(), torch.float16)
        assert [file.dtype for file in files if file.path.name == WEIGHTS] == [kept, kept]


def test_identitynet_is_found_in_the_released_folder(tiny_sources: TinySources) -> None:
    inner = find_identitynet(tiny_sources.identitynet)
    assert find_identitynet(tiny_sources.folder) == inner
    with pytest.raises(ImportFailed, match="expected InstantID's folder ControlNetModel"):
        find_identitynet(tiny_sources.ip_adapter)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"cross_attention_dim": 2048}, "cross_attention_dim is 24", id="other-sdxl"),
        pytest.param({"addition_embed_type": "text"}, "addition_embed_type", id="sd-1.5"),
        pytest.param({"layers_per_block": 2}, "do not match the UNet's", id="other-depth"),
    ],
)
def test_controlnet_that_does_not_fit_the_unet_is_refused(
    tiny_sources: TinySources, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ImportFailed, match=told):
        plan_controlnet(tiny_sources.identitynet, {**tiny_unet_config(), **changes})


def test_small_controlnet_is_refused(own_sources: TinySources) -> None:
    small = {**UNET_CONFIG, "down_block_types": ("DownBlock2D",) * 3}
    unet = UNet2DConditionModel.from_config(small)
    ControlNetModel.from_unet(unet).save_pretrained(own_sources.identitynet)
    change_config(own_sources.identitynet, down_block_types=UNET_CONFIG["down_block_types"])
    with pytest.raises(ImportFailed, match="ControlNetModel: expected"):
        plan_controlnet(own_sources.identitynet, tiny_unet_config())
