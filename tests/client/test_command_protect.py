"""`instantid protect`: a registry begun, filled, shown and emptied on the operator's machine."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from instantid_client._command_protect import REASONS
from instantid_client.cli import main
from instantid_server.trust.protected.registry import Reason

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def folder(keys_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's folder with the server's keys, and a registry."""
    shutil.copytree(keys_folder, tmp_path / "keys")
    (tmp_path / "model_repository").symlink_to(DATA.parents[1] / "model_repository")
    monkeypatch.chdir(tmp_path)
    assert main(["protect", "init", "--keys", "keys"]) == 0
    return tmp_path


def protect(*arguments: str) -> int:
    return main(["protect", *arguments, "--keys", "keys"])


def test_reasons_are_those_of_the_registry() -> None:
    assert tuple(Reason) == REASONS


def test_init_says_what_to_keep_away_and_what_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (folder / "keys" / "registry_key.pub").exists()
    assert protect("init") == 1
    assert "never overwritten" in capsys.readouterr().err


def test_protected_face_is_listed_without_a_name_until_it_is_removed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = str(DATA / "portrait_1.png")
    own = ("--issuer", "studio", "--subject", "s-1", "--expires", "2999-12-31")
    assert protect("add", photo, "--reason", "own_request", *own) == 0
    capsys.readouterr()
    assert protect("show") == 0
    shown = capsys.readouterr().out.splitlines()
    assert "own_request, until 2999-12-31, but not from s-1 of studio" in shown[0]
    assert shown[-1] == "1 protected, after 2 changes"
    assert "portrait" not in (folder / "protected.jsonl").read_text()
    assert protect("remove", shown[0].split()[0]) == 0
    assert protect("show") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 protected, after 3 changes"


@pytest.mark.parametrize(
    ("photo", "said"),
    [("no_face.png", "found none"), ("two_faces.png", "found 2"), ("LICENCE.txt", "a picture")],
)
def test_photo_without_exactly_one_face_protects_nobody(
    folder: Path, capsys: pytest.CaptureFixture[str], photo: str, said: str
) -> None:
    assert protect("add", str(DATA / photo), "--reason", "court") == 1
    assert said in capsys.readouterr().err
    header = json.loads((folder / "protected.jsonl").read_text().splitlines()[0])
    assert header["serial"] == 1


@pytest.mark.parametrize(
    "wrong",
    [("--reason", "gossip"), ("--reason", "court", "--expires", "2001-01-01"), ()],
    ids=["reason", "over", "no-reason"],
)
def test_add_without_a_reason_or_a_future_makes_no_sense(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        protect("add", "photo.png", *wrong)
    assert ended.value.code == 2


def test_issuer_and_subject_go_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = str(DATA / "portrait_1.png")
    assert protect("add", photo, "--reason", "court", "--subject", "s-1") == 1
    assert "--issuer and --subject, or neither" in capsys.readouterr().err


def test_edited_registry_is_not_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = folder / "protected.jsonl"
    registry.write_text(registry.read_text().replace('"serial":1', '"serial":2'))
    assert protect("show") == 1
    assert "not signed by the pinned key" in capsys.readouterr().err


def test_protect_without_the_server_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instantid_server.trust.protected.registry", None)
    assert main(["protect", "show"]) == 1
    assert "make .venv/server-installed" in capsys.readouterr().err
