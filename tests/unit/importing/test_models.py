"""What a repository serves is told from its files and its record."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from instantid_client.cli import main
from instantid_server.importing import licences
from instantid_server.importing.models import describe_repository
from instantid_server.importing.record import RECORD_FILE, ImportRecord, Role, SourceFile

ROOT = Path(__file__).parents[3]
SOURCES = (
    SourceFile(Role.BASE, "unet/a.safetensors", "a" * 64, 1, "someone/sdxl", revision="c0ffee"),
    SourceFile(Role.BASE, "vae/b.safetensors", "b" * 64, 1, "someone/sdxl", revision="c0ffee"),
    SourceFile(Role.IP_ADAPTER, "ip-adapter.bin", "c" * 64, 1, "mine", licence=licences.INSTANTID),
    SourceFile(Role.FACE_EMBEDDER, "glintr100.onnx", "d" * 64, 1, "mine", note="not antelopev2's"),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return an imported repository of three models."""
    for name in ("unet/1/x.safetensors", "vae_decoder/1/y.safetensors", "face_embedder/1/z.onnx"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(name.encode())
        (path.parent / "model.py").write_text("")
    record = ImportRecord("bfloat16", SOURCES, ("a LoRA was fused",))
    (tmp_path / RECORD_FILE).write_bytes(record.to_json())
    return tmp_path


def test_every_model_tells_its_files_and_where_they_are_from(repository: Path) -> None:
    served = {model.name: model for model in describe_repository(repository).models}
    assert list(served) == ["face_embedder", "unet", "vae_decoder"]
    (file,) = served["unet"].files
    assert (file.name, file.size) == ("x.safetensors", 20)
    assert file.sha256 == hashlib.sha256(b"unet/1/x.safetensors").hexdigest()
    assert [origin.line() for origin in served["unet"].origins] == [
        f"someone/sdxl@c0ffee: {licences.UNKNOWN}",
        f"mine: {licences.INSTANTID}",
    ]
    # Without a VAE of its own, the base's is served.
    assert [origin.source for origin in served["vae_decoder"].origins] == ["someone/sdxl"]


def test_another_recogniser_shows(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--model-repository", str(repository)]) == 0
    told = capsys.readouterr().out
    assert f"  from mine: {licences.UNKNOWN}; not antelopev2's\n" in told
    assert told.endswith(f"a LoRA was fused\n{licences.NOTICE}\n")


def test_the_pocket_repository_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--model-repository", str(ROOT / "model_repository"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "unet" in {model["name"] for model in told["models"]}
    for model in told["models"]:
        (origin,) = model["origins"]
        assert origin["licence"] == "Apache-2.0"
        for file in model["files"]:
            content = ROOT / "model_repository" / model["name"] / "1" / file["name"]
            assert hashlib.sha256(content.read_bytes()).hexdigest() == file["sha256"]


def test_files_without_a_record_have_no_licence(repository: Path) -> None:
    (repository / RECORD_FILE).unlink()
    for model in describe_repository(repository).models:
        assert [origin.licence for origin in model.origins] == [licences.UNKNOWN]


def test_a_folder_without_models_is_refused(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in ("unet", "vae_decoder", "face_embedder"):
        shutil.rmtree(repository / model)
    assert main(["models", "--model-repository", str(repository)]) == 1
    assert "this is no model repository with weights" in capsys.readouterr().err
