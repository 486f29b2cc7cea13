"""The repositories that ours is compared with."""

from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]  # no stubs
from tritonclient.grpc.model_config_pb2 import ModelConfig

from instantid_server.contract import MODELS
from instantid_server.serving.limits import read_limits
from scripts.load.variants import (
    MONOLITH_MODEL,
    Repositories,
    write_with_empty_networks,
    write_with_monolith,
    write_with_one_queue,
    write_without_batches,
)


def config(repositories: Repositories, model: str) -> ModelConfig:
    return text_format.Parse(
        (repositories.models / model / "config.pbtxt").read_text(), ModelConfig()
    )


def test_every_model_is_there_with_its_weights(tmp_path: Path) -> None:
    repositories = write_with_monolith(tmp_path)
    for name, spec in MODELS.items():
        is_ensemble = spec.backend == "ensemble"
        folder = (repositories.ensembles if is_ensemble else repositories.models) / name
        assert (folder / "config.pbtxt").is_file()
        assert is_ensemble or all(path.exists() for path in (folder / "1").iterdir())
    assert (repositories.models / "unet/1/diffusion_pytorch_model.safetensors").is_file()
    assert read_limits(repositories.ensembles, None).max_running_pictures >= 1


def test_monolith_takes_what_ours_takes(tmp_path: Path) -> None:
    repositories = write_with_monolith(tmp_path)
    monolith = config(repositories, MONOLITH_MODEL)
    assert monolith.name == MONOLITH_MODEL
    assert [*monolith.input] == [*config(repositories, "instantid").input]
    assert (repositories.models / MONOLITH_MODEL / "1/model.py").is_file()


def test_without_batches_one_guided_request_fills_a_step(tmp_path: Path) -> None:
    repositories = write_without_batches(tmp_path)
    assert config(repositories, "unet").max_batch_size == 2
    assert config(repositories, "identitynet").max_batch_size == 2
    assert config(repositories, "instantid").parameters["max_batch_rows"].string_value == "2"


def test_empty_networks_replace_the_code_of_the_step_alone(tmp_path: Path) -> None:
    repositories = write_with_empty_networks(tmp_path)
    assert "EmptyUnet" in (repositories.models / "unet/1/model.py").read_text()
    assert "EmptyIdentityNet" in (repositories.models / "identitynet/1/model.py").read_text()
    assert "Empty" not in (repositories.models / "vae_decoder/1/model.py").read_text()


def test_with_one_queue_both_public_models_ask_the_unet(tmp_path: Path) -> None:
    repositories = write_with_one_queue(tmp_path)
    for name in ("instantid", "instantid_stream"):
        assert config(repositories, name).parameters["step_model"].string_value == "unet"
