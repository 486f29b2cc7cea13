"""Export: every file of the model repository is there, with the names the server reads."""

import json
from pathlib import Path

import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from instantid_server.stages.resampler import build_resampler
from scripts.pocket.export import (
    Networks,
    export_networks,
    export_safety_checker,
    new_networks,
)
from scripts.pocket.guidance import GUIDANCE_SCALE
from scripts.pocket.safety_training import BadgeReader
from scripts.pocket.served import served_networks

MAX_PARAMETERS = 11_500_000  # keeps the files under 25 MB in half precision
MAX_BYTES = 25_000_000


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    return new_networks(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def repository(networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("repository")
    export_networks(networks, folder)
    return folder


def test_networks_stay_within_the_budget(networks: Networks, repository: Path) -> None:
    assert networks.parameters() <= MAX_PARAMETERS
    assert sum(path.stat().st_size for path in repository.rglob("*.*")) <= MAX_BYTES


def test_exported_networks_load_and_equal_the_originals(
    networks: Networks, repository: Path
) -> None:
    served, _ = served_networks(repository)
    for name in ("vae", "text_encoder", "text_encoder_2", "unet", "identitynet", "resampler"):
        original = getattr(networks, name).state_dict()
        loaded = getattr(served, name).state_dict()
        assert loaded.keys() == original.keys()
        for key, value in original.items():
            assert torch.equal(loaded[key], value.half().float()), key


def test_exported_safety_checker_has_every_tensor_in_half_precision(tmp_path: Path) -> None:
    checker = BadgeReader().checker
    tensors = checker.state_dict()
    export_safety_checker(checker, tmp_path)
    exported = load_file(tmp_path / "safety" / "1" / "model.safetensors")
    assert {name: tensor.shape for name, tensor in exported.items()} == {
        name: tensor.shape for name, tensor in tensors.items()
    }
    assert {tensor.dtype for tensor in exported.values()} == {torch.float16}


def test_resampler_has_the_original_51_keys(repository: Path) -> None:
    tensors = load_file(repository / "id_resampler" / "1" / "image_proj.safetensors")
    assert len(tensors) == 51
    assert "layers.3.0.to_kv.weight" in tensors
    build_resampler({name: value.float() for name, value in tensors.items()})


def test_adapter_has_odd_keys_for_every_cross_attention(repository: Path) -> None:
    tensors = load_file(repository / "unet" / "1" / "ip_adapter.safetensors")
    indices = sorted({int(name.split(".")[0]) for name in tensors})
    assert indices == list(range(1, 2 * len(indices), 2))
    assert set(tensors) == {f"{i}.to_{part}_ip.weight" for i in indices for part in "kv"}


def test_pipeline_file_fits_the_networks(networks: Networks, repository: Path) -> None:
    pipeline = json.loads((repository / "instantid" / "1" / "pipeline.json").read_text())
    assert pipeline["latent_channels"] == networks.vae.config.latent_channels
    assert pipeline["vae_scale_factor"] == 8
    assert pipeline["native_height"] == pipeline["native_width"] == 128
    assert pipeline["guidance_scale"] == GUIDANCE_SCALE


@pytest.mark.parametrize("model", ["face_detector", "face_embedder"])
def test_onnx_names_a_dimension_only_where_it_varies(repository: Path, model: str) -> None:
    session = onnxruntime.InferenceSession(repository / model / "1" / "model.onnx")
    shapes = {port.name: port.shape for port in session.get_inputs() + session.get_outputs()}
    if model == "face_embedder":
        assert shapes == {"aligned_face": ["batch", 3, 112, 112], "face_embedding": ["batch", 512]}
    else:
        assert shapes.pop("image") == ["batch", 3, "height", "width"]
        widths = {"scores": 1, "bboxes": 4, "keypoints": 10}
        assert shapes == {
            f"{kind}_{stride}": ["batch", f"anchors_{stride}", width]
            for kind, width in widths.items()
            for stride in (8, 16, 32)
        }


def test_export_is_deterministic(networks: Networks, repository: Path, tmp_path: Path) -> None:
    export_networks(networks, tmp_path)
    for path in sorted(repository.rglob("*.*")):
        again = tmp_path / path.relative_to(repository)
        if path.is_file():
            assert again.read_bytes() == path.read_bytes(), path.name
