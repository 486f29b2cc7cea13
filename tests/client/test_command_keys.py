"""`instantid keys init`: makes keys once, says what they are worth, and never overwrites."""

import sys
from pathlib import Path

import pytest

from instantid_client.cli import main
from instantid_server.trust.keys import Keys


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_init_makes_keys_and_says_what_they_are_worth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    assert main(["keys", "init", str(folder)]) == 0
    Keys.load(folder)
    said = capsys.readouterr().out
    assert str(folder) in said
    assert "nobody trusts it" in said
    assert "keep a copy" in said


def test_init_takes_the_users_folder_if_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["keys", "init"]) == 0
    Keys.load(tmp_path / "instantid" / "keys")


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "keys"
    assert main(["keys", "init", str(folder)]) == 0
    before = contents(folder)
    assert main(["keys", "init", str(folder)]) == 1
    assert contents(folder) == before
    assert "never overwritten" in capsys.readouterr().err


def test_init_where_nothing_can_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["keys", "init", str(tmp_path / "file" / "keys")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_upgrade_adds_what_is_missing_and_changes_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    assert main(["keys", "init", str(folder)]) == 0
    for name in ("card_1.key", "template_1.key"):
        (folder / name).unlink()
    before = contents(folder)
    capsys.readouterr()
    assert main(["keys", "upgrade", str(folder)]) == 0
    assert capsys.readouterr().out == f"added card_1.key, template_1.key to {folder}\n"
    assert contents(folder).items() > before.items()
    Keys.load(folder)
    assert main(["keys", "upgrade", str(folder)]) == 0
    assert "nothing is missing" in capsys.readouterr().out


def test_upgrade_of_what_is_no_keys_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "upgrade", str(tmp_path)]) == 1
    assert "this is no keys folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_keys_without_a_command_makes_no_sense() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys"])
    assert ended.value.code == 2


def test_keys_without_the_server_extra_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instantid_server.trust.keys", None)  # as if not there
    assert main(["keys", "init", str(tmp_path)]) == 1
    assert "make .venv/server-installed" in capsys.readouterr().err
