"""Enrolling: what is sent, what is understood, and what the command line does with the card."""

import json
from pathlib import Path

import numpy as np
import pytest

from instantid_client import Overloaded, UnexpectedAnswer
from instantid_client.cli import main
from tests.client.answers import encoded_picture, result, texts
from tests.client.fake_transport import FakeAsyncTransport, Script
from tests.client.programs import Program

ANSWER = {
    "face_card": texts(b"c4rd"),
    "face_template": texts(b"t3mplate"),
    "face_bbox": np.array([1, 2, 3, 4], np.float32),
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "ann.png"
    path.write_bytes(encoded_picture())
    return path


def test_photo_travels_as_it_is_and_the_answer_is_typed(program: Program, photo: Path) -> None:
    script = Script([ANSWER])
    enrolment = program(script).enroll(photo, face_index=1, consent_token="t0ken")
    ((model, inputs, _),) = script.requests
    assert (model, inputs["face_image"].tolist()) == ("enroll", [encoded_picture()])
    assert (inputs["face_index"].tolist(), inputs["consent_token"].tolist()) == ([1], [b"t0ken"])
    assert (enrolment.face_card, enrolment.face_template) == ("c4rd", "t3mplate")
    assert enrolment.face_bbox == (1, 2, 3, 4)
    assert repr(enrolment) == "Enrolment(face_bbox=(1.0, 2.0, 3.0, 4.0))"


def test_consent_beside_the_photo_goes_along(program: Program, photo: Path) -> None:
    script = Script([ANSWER])
    program(script).enroll(photo)
    assert "consent_token" not in script.requests[0][1]
    Path(f"{photo}.consent").write_text("b3side\n")
    program(script).enroll(photo)
    assert script.requests[1][1]["consent_token"].tolist() == [b"b3side"]


def test_full_server_is_asked_again(program: Program, photo: Path) -> None:
    script = Script([ANSWER], failures=[Overloaded("full; try again in 0 s")])
    assert program(script, retries=1).enroll(photo).face_card == "c4rd"


@pytest.mark.parametrize("name", ANSWER)
def test_answer_of_another_server_is_told_apart(program: Program, name: str) -> None:
    outputs = {key: value for key, value in ANSWER.items() if key != name}
    with pytest.raises(UnexpectedAnswer, match=name):
        program(Script([outputs])).enroll(b"photo")


def test_command_writes_the_card_beside_the_photo(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transport = FakeAsyncTransport(Script([ANSWER]))
    assert main(["enroll", str(photo)], transport=transport) == 0
    assert Path(f"{photo}.card").read_text() == "c4rd\n"
    assert capsys.readouterr().out.splitlines()[1] == "template t3mplate"
    assert main(["enroll", str(photo), "--json", "-o", f"{photo}.c"], transport=transport) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": f"{photo}.c",
        "face_card": "c4rd",
        "face_template": "t3mplate",
        "face_bbox": [1, 2, 3, 4],
    }


def test_card_stands_in_for_its_photo_and_takes_the_photos_consent(photo: Path) -> None:
    Path(f"{photo}.card").write_text("c4rd\n")
    Path(f"{photo}.consent").write_text("b3side\n")
    script = Script([result()])
    flags = ("--prompt", "p", "-o", str(photo.parent / "out.png"))
    assert main(["generate", f"{photo}.card", *flags], transport=FakeAsyncTransport(script)) == 0
    inputs = script.requests[0][1]
    assert (inputs["face_card"].tolist(), inputs["consent_token"].tolist()) == (
        [b"c4rd"],
        [b"b3side"],
    )
    assert "face_image" not in inputs


def test_card_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "nobody.card", "--prompt", "p"]) == 1
    assert "face_card: nobody.card" in capsys.readouterr().err
