"""SDXL in one file: the same tensors as in diffusers' folder, and nothing dropped in silence."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from instantid_server.importing.base import read_base
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import Network
from instantid_server.importing.sdxl import (
    SDXL_BASE,
    SDXL_SCHEDULER,
    SdxlCheckpoint,
    SdxlConfigs,
)
from instantid_server.importing.single_file import read_single_file
from instantid_server.importing.skeleton import check_network
from instantid_server.importing.text_encoders import find_tokenizers, plan_text_encoder
from instantid_server.importing.unet import plan_unet, unet_skeleton
from instantid_server.importing.vae import vae_skeleton
from tests.checkpoints.configs import text_config, unet_config, vae_config
from tests.checkpoints.scale import FULL, REDUCED
from tests.checkpoints.sdxl import write_sdxl_folder, write_tokenizers
from tests.checkpoints.single_file import single_file_tensors

CONFIGS = SdxlConfigs(
    unet_config(REDUCED), vae_config(REDUCED), (text_config(REDUCED, 0), text_config(REDUCED, 1))
)


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    return single_file_tensors(REDUCED, torch.float16)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("tokenizers")
    write_tokenizers(folder)
    return folder


def read(tensors: dict[str, torch.Tensor], path: Path, tokenizers: Path) -> SdxlCheckpoint:
    save_file(tensors, path)
    return read_single_file(path, find_tokenizers(tokenizers), CONFIGS)


def assert_same(network: Network, other: Network) -> None:
    ours, theirs = network.read(), other.read()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def check_unet_and_vae(checkpoint: SdxlCheckpoint) -> None:
    plan_unet(checkpoint.unet, unet_skeleton(checkpoint), [], torch.float16)
    check_network(checkpoint.vae, vae_skeleton(checkpoint.vae))


def test_networks_are_those_of_the_folder(
    tensors: dict[str, torch.Tensor], tokenizers: Path, tmp_path: Path
) -> None:
    write_sdxl_folder(tmp_path / "folder", REDUCED)
    folder = read_base(tmp_path / "folder", None)
    single = read(tensors, tmp_path / "sdxl.safetensors", tokenizers)
    assert_same(single.unet, folder.unet)
    assert_same(single.vae, folder.vae)
    assert_same(single.text_encoders[1], folder.text_encoders[1])
    for checkpoint in (single, folder):
        check_unet_and_vae(checkpoint)
        for index, encoder in enumerate(checkpoint.text_encoders):
            plan_text_encoder(encoder, index, [], torch.float16)


def test_published_configs_are_those_of_the_full_networks() -> None:
    assert SDXL_BASE.unet.items() <= unet_config(FULL).items()
    assert SDXL_BASE.vae.items() <= vae_config(FULL).items()
    for index, config in enumerate(SDXL_BASE.text_encoders):
        assert config.items() <= text_config(FULL, index).items()


def test_part_that_is_missing_is_named(
    tensors: dict[str, torch.Tensor], tokenizers: Path, tmp_path: Path
) -> None:
    without = {k: t for k, t in tensors.items() if not k.startswith("first_stage_model.")}
    with pytest.raises(ImportFailed, match=r"no tensor begins with first_stage_model\."):
        read(without, tmp_path / "x.safetensors", tokenizers)


@pytest.mark.parametrize(
    ("markers", "changed", "told"),
    [
        ([], {}, "epsilon is assumed"),
        (["v_pred"], {"prediction_type": "v_prediction"}, "its UNet predicts v$"),
        (
            ["v_pred", "ztsnr"],
            {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
            "marked ztsnr",
        ),
    ],
    ids=["unmarked", "v", "v-with-zero-snr"],
)
def test_markers_say_what_the_unet_predicts(
    tensors: dict[str, torch.Tensor],
    tokenizers: Path,
    tmp_path: Path,
    markers: list[str],
    changed: dict[str, object],
    told: str,
) -> None:
    marked = {**tensors, **{name: torch.zeros(0) for name in markers}}
    checkpoint = read(marked, tmp_path / "x.safetensors", tokenizers)
    assert checkpoint.scheduler == {**SDXL_SCHEDULER, **changed}
    (note,) = checkpoint.notes
    assert re.search(told, note)
    check_unet_and_vae(checkpoint)


def test_zero_snr_without_v_prediction_is_refused(
    tensors: dict[str, torch.Tensor], tokenizers: Path, tmp_path: Path
) -> None:
    marked = {**tensors, "ztsnr": torch.zeros(0)}
    with pytest.raises(ImportFailed, match="is marked ztsnr and not v_pred"):
        read(marked, tmp_path / "x.safetensors", tokenizers)


@pytest.mark.parametrize("name", ["v_pred.weight", "edm_vpred.sigma_max", "model.control_model.x"])
def test_tensor_that_sdxl_does_not_have_is_named(
    tensors: dict[str, torch.Tensor], tokenizers: Path, tmp_path: Path, name: str
) -> None:
    more = {**tensors, name: torch.zeros(1)}
    with pytest.raises(ImportFailed, match=f"SDXL has no {name} .1 such"):
        read(more, tmp_path / "x.safetensors", tokenizers)


@pytest.mark.parametrize(
    "name", ["model.diffusion_model.extra.weight", "first_stage_model.extra.weight"]
)
def test_tensor_that_diffusers_would_drop_is_named(
    tensors: dict[str, torch.Tensor], tokenizers: Path, tmp_path: Path, name: str
) -> None:
    checkpoint = read({**tensors, name: torch.zeros(1)}, tmp_path / "x.safetensors", tokenizers)
    with pytest.raises(ImportFailed, match=f"unexpected: {name}"):
        check_unet_and_vae(checkpoint)


@pytest.mark.parametrize(
    "name",
    [
        "model.diffusion_model.label_emb.0.0.weight",
        "model.diffusion_model.middle_block.0.in_layers.0.weight",
    ],
)
def test_missing_tensor_is_named(
    tensors: dict[str, torch.Tensor], tokenizers: Path, tmp_path: Path, name: str
) -> None:
    fewer = {key: tensor for key, tensor in tensors.items() if key != name}
    checkpoint = read(fewer, tmp_path / "x.safetensors", tokenizers)
    with pytest.raises(ImportFailed, match="missing"):
        plan_unet(checkpoint.unet, unet_skeleton(checkpoint), [], torch.float16)


def test_file_without_tokenizers_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "sdxl.safetensors").write_bytes(b"")
    with pytest.raises(ImportFailed, match="give --tokenizers"):
        read_base(tmp_path / "sdxl.safetensors", None)


def test_pickled_checkpoint_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "sdxl.ckpt").write_bytes(b"")
    with pytest.raises(ImportFailed, match="can run code"):
        read_base(tmp_path / "sdxl.ckpt", tmp_path)
