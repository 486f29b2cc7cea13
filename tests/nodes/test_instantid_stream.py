"""The streaming public node: progress and previews, then the result."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from batches import TRITON_TEXT, answer_of, leaks
from bls import serve_chain, serve_error
from PIL import Image
from public_requests import picture_request, send
from triton_python_backend_utils import (
    TRITONSERVER_RESPONSE_COMPLETE_FINAL,
    ResponseSender,
    TritonError,
)

pytestmark = pytest.mark.usefixtures("plain_pictures")


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    serve_chain(load_node)
    return load_node("instantid_stream")


def events(sender: ResponseSender) -> list[str]:
    """Return what each response is; an error as its code in brackets."""
    answers = [answer_of(response) for response in sender.sent]
    return [
        answer.split()[0] if isinstance(answer, str) else answer["event"][0].decode()
        for answer in answers
    ]


def test_progress_and_previews_come_first_and_the_result_last(node: Any) -> None:
    sender = send(node, picture_request(num_inference_steps=4, preview_every=2))
    node.finalize()
    assert events(sender) == ["progress", "preview", "progress", "progress", "result"]
    assert sender.closed


def test_steps_are_counted_up_to_their_number(node: Any) -> None:
    sender = send(node, picture_request(num_inference_steps=3))
    node.finalize()
    steps = [answer_of(response) for response in sender.sent[:-1]]
    assert [int(step["step"][0]) for step in steps] == [1, 2, 3]
    assert {int(step["num_inference_steps"][0]) for step in steps} == {3}


def test_preview_is_a_small_picture_for_each_of_the_request(node: Any) -> None:
    options = {"num_inference_steps": 2, "preview_every": 1, "num_images_per_prompt": 2}
    sender = send(node, picture_request(**options))
    node.finalize()
    previews = answer_of(sender.sent[0])["preview"]
    assert [Image.open(BytesIO(preview)).size for preview in previews] == [(128, 128)] * 2


def test_no_previews_when_none_are_asked_for(node: Any) -> None:
    sender = send(node, picture_request(preview_every=0))
    node.finalize()
    assert events(sender) == ["progress", "progress", "result"]


def test_final_flag_is_on_the_last_response_alone(node: Any) -> None:
    sender = send(node, picture_request())
    node.finalize()
    assert sender.flags == [0, 0, TRITONSERVER_RESPONSE_COMPLETE_FINAL]


def test_error_after_progress_is_final(node: Any) -> None:
    serve_error("vae_decoder", TRITON_TEXT, TritonError.INTERNAL)
    sender = send(node, picture_request())
    node.finalize()
    assert events(sender) == ["progress", "progress", "[STAGE_FAILED]"]
    assert sender.closed
    assert leaks(answer_of(sender.sent[-1])) == []


def test_bad_request_gets_one_final_error(node: Any) -> None:
    sender = send(node, picture_request(preview_every=-1))
    node.finalize()
    assert (events(sender), sender.closed) == (["[INVALID_INPUT]"], True)


def test_caller_that_went_away_gets_no_more_progress(node: Any) -> None:
    sender = send(node, picture_request(num_inference_steps=50), cancelled=True)
    node.finalize()
    assert (events(sender), sender.closed) == (["[CANCELLED]"], True)
