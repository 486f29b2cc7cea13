"""Verifying pictures: what is sent, what is understood, and what the command line says of it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from instantid_client import InvalidInput, UnexpectedAnswer
from instantid_client.cli import main
from instantid_server.contract import CredentialsState, MarkState, RecordState
from tests.client.answers import encoded_picture, texts
from tests.client.fake_transport import FakeAsyncTransport, Script
from tests.client.programs import Program

RECORD_ID = "0123456789abcdef0123456789abcdef"
SENTENCES = ["The signature is this server's.", "The mark is this server's.", "It is on record."]


def answer(**changes: object) -> dict[str, object]:
    summary: dict[str, object] = {
        "credentials": "trusted",
        "mark": "ours",
        "record": "match",
        "record_id": RECORD_ID,
        "sentences": SENTENCES,
    }
    return {"summary": texts(json.dumps(summary | changes).encode())}


def test_picture_travels_as_it_is_and_the_answer_is_typed(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded_picture())
    script = Script([answer()])
    found = program(script).verify(path)
    ((model, inputs, _),) = script.requests
    assert (model, inputs["image"].tolist()) == ("verify", [encoded_picture()])
    assert (found.credentials, found.mark) == (CredentialsState.TRUSTED, MarkState.OURS)
    assert (found.record, found.record_id) == (RecordState.MATCH, RECORD_ID)
    assert found.sentences == tuple(SENTENCES)


def test_decoded_picture_is_refused_because_it_has_lost_its_credentials(program: Program) -> None:
    with pytest.raises(InvalidInput, match="expected a path or bytes, got Image"):
        program(Script()).verify(Image.new("RGB", (8, 8)))


@pytest.mark.parametrize(
    "outputs",
    [answer(mark="perhaps"), {"summary": texts(b"[]")}, {"summary": texts(b"{")}, {}],
    ids=["word", "list", "cut", "nothing"],
)
def test_answer_of_another_server_is_told_apart(program: Program, outputs: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        program(Script([outputs])).verify(b"picture")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"credentials": "untrusted"}, 1),
        ({"record": "mismatch", "record_id": None}, 1),
        ({"credentials": "none", "mark": "inconclusive", "record": "unknown"}, 1),
    ],
)
def test_command_tells_in_words_and_by_its_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, changes: dict[str, object], code: int
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded_picture())
    transport = FakeAsyncTransport(Script([answer(**changes)]))
    assert main(["verify", str(path)], transport=transport) == code
    headline, *sentences = capsys.readouterr().out.splitlines()
    assert headline.startswith(f"{path}  credentials ")
    assert [sentence.strip() for sentence in sentences] == SENTENCES
    assert main(["verify", str(path), "--json"], transport=transport) == code
    (as_json,) = json.loads(capsys.readouterr().out)["pictures"]
    assert as_json["path"] == str(path)
    assert as_json["record"] == changes.get("record", "match")
