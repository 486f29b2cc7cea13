"""The public node `verify`: a file in, three words and a summary out."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from batches import answers, request_of, stage_inputs, texts
from picture_records import NOBODY, record_of
from PIL import Image
from triton_python_backend_utils import TritonError

from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.policy import POLICY_VARIABLE

LoadNode = Callable[[str], Any]
RECORD_ID = "0123456789abcdef" * 2


def released(load_node: LoadNode, book: RecordBook) -> bytes:
    """Return a file that the server made, and has on record."""
    inputs = {**stage_inputs("credentials", 1), "record_id": texts([RECORD_ID])}
    (answer,) = answers(load_node("credentials"), [inputs])
    on_record = answer["perceptual_hash"][0, 0].decode()
    book.release([record_of(RECORD_ID, perceptual_hash=on_record)], NOBODY)
    return bytes(answer["encoded_image"][0, 0])


def ask(node: Any, *files: bytes) -> Any:
    (answer,) = answers(node, [{"image": np.array(files, dtype=np.object_)}])
    return answer


def words(answer: Any) -> list[str]:
    return [answer[name][0].decode() for name in ("credentials", "mark", "record")]


def test_released_picture_is_recognised(load_node: LoadNode, book: RecordBook) -> None:
    answer = ask(load_node("verify"), released(load_node, book))
    assert words(answer)[::2] == ["trusted", "match"]
    summary = json.loads(answer["summary"][0])
    assert summary["record_id"] == RECORD_ID
    assert len(summary["sentences"]) == 3


def test_picture_that_nobody_made_is_unknown(load_node: LoadNode) -> None:
    buffer = BytesIO()
    Image.new("RGB", (128, 128), "teal").save(buffer, "PNG")
    assert words(ask(load_node("verify"), buffer.getvalue())) == ["none", "none", "unknown"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param([b"no picture"], "[IMAGE_UNREADABLE] image: expected a picture", id="text"),
        pytest.param([b"", b""], "[INVALID_INPUT] image: expected the shape (1,)", id="two"),
        pytest.param([bytes(17 * 1024**2)], "[INVALID_INPUT] inputs: expected at most", id="large"),
    ],
)
def test_what_cannot_be_verified_is_refused(
    load_node: LoadNode, files: list[bytes], message: str
) -> None:
    assert ask(load_node("verify"), *files).startswith(message)


def test_question_of_a_caller_who_is_gone_is_not_answered(load_node: LoadNode) -> None:
    request = request_of({"image": np.array([b"no picture"], dtype=np.object_)})
    request.get_response_sender().cancelled = True
    (response,) = load_node("verify").execute([request])
    assert response.error().code() == TritonError.CANCELLED


def test_policy_limits_the_questions(load_node: LoadNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POLICY_VARIABLE, json.dumps({"verify": {"per_minute": 1}}))
    node = load_node("verify")
    assert ask(node, b"no picture").startswith("[IMAGE_UNREADABLE]")
    assert ask(node, b"no picture").startswith("[RATE_LIMITED] more questions than 1 a minute; ")
