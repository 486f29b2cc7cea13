"""Configs of the nodes: copied from the checkout, with what depends on the weights put in."""

from functools import partial
from pathlib import Path

import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]  # no stubs
from tritonclient.grpc.model_config_pb2 import ModelConfig

from instantid_server.contract import MODELS
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.node_config import (
    node_files,
    with_changes,
    with_max_batch_size,
    with_parameter,
)
from tests.unit.importing.sources import ROOT

REPOSITORY = ROOT / "model_repository"
CONFIGS = ("config.pbtxt", "configs/multi-gpu.pbtxt", "configs/single-gpu.pbtxt")


def written(model: str, folder: Path) -> dict[str, ModelConfig]:
    changes = {
        "face_analysis": partial(with_parameter, key="detection_size", value="640"),
        "face_detector": partial(with_max_batch_size, size=1),
    }
    for file in with_changes(node_files(REPOSITORY), changes):
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        file.write(folder)
    return {
        name: text_format.Parse((folder / model / name).read_text(), ModelConfig())
        for name in CONFIGS
    }


def test_every_profile_gets_the_detection_size(tmp_path: Path) -> None:
    configs = written("face_analysis", tmp_path)
    assert {c.parameters["detection_size"].string_value for c in configs.values()} == {"640"}


def test_every_profile_gets_the_batch_size(tmp_path: Path) -> None:
    assert {config.max_batch_size for config in written("face_detector", tmp_path).values()} == {1}


def test_every_node_is_copied_without_its_weights(tmp_path: Path) -> None:
    written("unet", tmp_path)
    nodes = {name for name, spec in MODELS.items() if spec.backend != "ensemble"}
    assert {path.name for path in tmp_path.iterdir()} == nodes
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds == {".pbtxt", ".py"}


def test_config_without_the_parameter_is_refused() -> None:
    with pytest.raises(ImportFailed, match="0 times the parameter detection_size"):
        with_parameter('name: "face_analysis"\n', "detection_size", "640")


def test_folder_that_is_no_model_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="--model-repository"):
        node_files(tmp_path)
