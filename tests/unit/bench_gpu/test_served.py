"""The repositories that the ladder serves."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from instantid_server.contract import MODELS
from scripts.bench_gpu.served import STEP_MODELS, Load, write_with_step_model
from scripts.reports import ROOT

LOAD = Load(ROOT / "model_repository", "single-gpu", size_px=64, steps=3, repeats=1)


@pytest.mark.parametrize("step_model", STEP_MODELS)
@pytest.mark.parametrize("config", ["config.pbtxt", "configs/single-gpu.pbtxt"])
def test_loop_asks_the_step_model(tmp_path: Path, step_model: str, config: str) -> None:
    models = write_with_step_model(LOAD, step_model, tmp_path)
    written = text_format.Parse((models / "instantid" / config).read_text(), ModelConfig())
    assert written.parameters["step_model"].string_value == step_model


def test_every_node_is_there_with_its_weights(tmp_path: Path) -> None:
    models = write_with_step_model(LOAD, "unet", tmp_path)
    nodes = {name for name, spec in MODELS.items() if spec.backend != "ensemble"}
    assert all((models / name / "config.pbtxt").is_file() for name in nodes)
    assert (models / "instantid/1/pipeline.json").is_file()
    assert (models / "unet/1/ip_adapter.safetensors").is_file()
