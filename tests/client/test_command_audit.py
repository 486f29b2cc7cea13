"""`instantid audit`: verify, show and erase, on a log that a server has written."""

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from picture_records import REFUSAL, agreed_by, record_of

from instantid_client.cli import main
from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.audit.salts import SubjectSalts, salts_folder
from instantid_server.trust.keys import Keys


@pytest.fixture
def log(tmp_path: Path, keys_folder: Path) -> Path:
    path = tmp_path / "records.jsonl"
    book = RecordBook(path, Keys(keys_folder), checkpoint_every=100)
    book.release([record_of()], agreed_by("anna"))
    book.refuse(REFUSAL, agreed_by("anna"))
    book.close()
    return path


def test_verify_tells_that_a_log_is_whole(
    log: Path, keys_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", str(log), "--keys", str(keys_folder)]) == 0
    assert capsys.readouterr().out == "records 1 to 2 are whole: 1 refused, 1 released\n"


def test_verify_names_the_first_line_that_is_wrong(
    log: Path, keys_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text(log.read_text().replace("protected", "somethingelse"))
    assert main(["audit", "verify", str(log), "--keys", str(keys_folder)]) == 1
    assert f"line 2 of {log}" in capsys.readouterr().err


def test_verify_needs_the_public_key_alone(log: Path, keys_folder: Path, tmp_path: Path) -> None:
    key = Keys(keys_folder).audit_signing.public_key()
    pem = tmp_path / "audit.pem"
    pem.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert main(["audit", "verify", str(log), "--public-key", str(pem)]) == 0
    pem.write_text("junk")
    assert main(["audit", "verify", str(log), "--public-key", str(pem)]) == 1


def test_verify_takes_checkpoints_from_elsewhere(
    log: Path, keys_folder: Path, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped"
    (tmp_path / "records.jsonl.checkpoints").rename(shipped)
    arguments = ["audit", "verify", str(log), "--keys", str(keys_folder)]
    assert main(arguments) == 1  # there is no file of checkpoints
    assert main([*arguments, "--checkpoints", str(shipped)]) == 0


def test_show_tells_a_record_as_it_is(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "show", REFUSAL.record_id[:6], str(log)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["code"], shown["reason"]) == ("REFUSED_POLICY", "protected")


def test_show_fails_for_what_is_not_there(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "show", "ffff", str(log)]) == 1
    assert "no record" in capsys.readouterr().err


def test_erased_person_is_linked_to_no_record_and_the_log_stays_whole(
    log: Path, keys_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["--keys", str(keys_folder)]
    assert main(["audit", "erase", "anna", str(log), *keys]) == 0
    assert "still there" in capsys.readouterr().out
    code = SubjectSalts(salts_folder(log), Keys(keys_folder).audit).code("anna")
    assert code not in log.read_text()
    assert main(["audit", "verify", str(log), *keys]) == 0


def test_erase_fails_for_who_is_not_there(log: Path, keys_folder: Path) -> None:
    assert main(["audit", "erase", "bert", str(log), "--keys", str(keys_folder)]) == 1


@pytest.mark.parametrize("command", [["verify"], ["show", "0"], ["erase", "anna"]])
def test_what_is_missing_is_one_line(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["audit", *command]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_audit_without_the_server_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instantid_server.trust.audit.chain", None)  # as if not there
    assert main(["audit", "verify"]) == 1
    assert "make .venv/server-installed" in capsys.readouterr().err
