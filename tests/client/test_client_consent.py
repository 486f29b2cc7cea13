"""The consent that goes with a photo: found beside it, given in its place, or missing."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instantid_client import ImageUnreadable, InvalidInput
from tests.client.answers import encoded_picture, result
from tests.client.fake_transport import Script
from tests.client.programs import Program

TOKEN = "eyJhbGciOiJFZERTQSJ9.e30.c2ln"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a photo with its consent beside it."""
    (tmp_path / "ann.png").write_bytes(encoded_picture())
    (tmp_path / "ann.png.consent").write_text(f"{TOKEN}\n")
    return tmp_path / "ann.png"


def token_sent(script: Script) -> bytes | None:
    """Return the token of the last request; None: it had none."""
    _, inputs, _ = script.requests[-1]
    return bytes(inputs["consent_token"][0]) if "consent_token" in inputs else None


def test_token_beside_the_photo_is_sent(program: Program, photo: Path) -> None:
    script = Script([result()])
    for face in (photo, str(photo)):
        program(script).generate(prompt="p", face_image=face)
        assert token_sent(script) == TOKEN.encode()


def test_stream_sends_it_as_well(program: Program, photo: Path) -> None:
    script = Script([result()])
    program(script).events(1, prompt="p", face_image=photo)
    assert token_sent(script) == TOKEN.encode()


def test_given_token_goes_before_the_one_beside_the_photo(program: Program, photo: Path) -> None:
    script = Script([result()])
    program(script).generate(prompt="p", face_image=photo, consent_token="mine")
    assert token_sent(script) == b"mine"


@pytest.mark.parametrize("kind", ["bytes", "picture", "alone"])
def test_photo_without_a_file_beside_it_goes_without_a_token(
    program: Program, photo: Path, kind: str
) -> None:
    if kind == "alone":
        photo.with_name("ann.png.consent").unlink()
    faces: dict[str, Any] = {
        "bytes": photo.read_bytes(),
        "picture": Image.new("RGB", (20, 10)),
        "alone": photo,
    }
    script = Script([result()])
    program(script).generate(prompt="p", face_image=faces[kind])
    assert token_sent(script) is None


def test_name_too_long_for_a_file_is_an_unreadable_photo(program: Program) -> None:
    with pytest.raises(ImageUnreadable, match="File name too long"):
        program(Script([result()])).generate(prompt="p", face_image="a" * 5000)


def test_file_beside_the_photo_that_is_no_text_is_named(program: Program, photo: Path) -> None:
    photo.with_name("ann.png.consent").write_bytes(b"\xff\xd8")
    with pytest.raises(InvalidInput, match=r"consent_token: .*expected a token"):
        program(Script([result()])).generate(prompt="p", face_image=photo)
