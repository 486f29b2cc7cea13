"""What an operator sees of requests to the public nodes: metrics and log lines."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from batches import TRITON_TEXT, leaks, log_text
from bls import serve_chain, serve_error
from public_requests import last_answer, picture_request, send
from triton_python_backend_utils import METRICS, Logger, TritonError

pytestmark = pytest.mark.usefixtures("plain_pictures")

MODEL = {"model": "instantid_stream"}


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    serve_chain(load_node)
    return load_node("instantid_stream")


def request_lines() -> list[dict[str, Any]]:
    return [json.loads(text) for _, text in Logger.lines if text.startswith("{")]


def test_delivered_pictures_are_measured(node: Any) -> None:
    options = {"num_images_per_prompt": 2, "num_inference_steps": 2, "preview_every": 1}
    send(node, picture_request(**options))
    node.finalize()
    assert METRICS.of("instantid_requests_admitted_total", **MODEL).value == 1
    assert METRICS.of("instantid_requests_ended_total", outcome="OK", **MODEL).value == 1
    assert METRICS.of("instantid_pictures_total", **MODEL).value == 2
    assert METRICS.of("instantid_steps_total", **MODEL).value == 2
    assert METRICS.of("instantid_step_calls_total", stage="unet", **MODEL).value == 2
    assert len(METRICS.of("instantid_request_duration_seconds", **MODEL).observed) == 1
    assert len(METRICS.of("instantid_first_preview_seconds", **MODEL).observed) == 1


def test_nobody_waits_or_runs_when_all_have_ended(node: Any) -> None:
    send(node, picture_request())
    send(node, picture_request(prompt=""))
    send(node, picture_request(num_inference_steps=50), cancelled=True)
    node.finalize()
    assert METRICS.of("instantid_requests_waiting", **MODEL).value == 0
    assert METRICS.of("instantid_requests_in_flight", **MODEL).value == 0


def test_every_request_leaves_one_line_whatever_came_of_it(node: Any) -> None:
    missing = picture_request()
    del missing["prompt"]
    for inputs in (picture_request(), picture_request(width=100), missing):
        send(node, inputs)
    node.finalize()
    outcomes = sorted(line["outcome"] for line in request_lines())
    assert outcomes == ["INVALID_INPUT", "INVALID_INPUT", "OK"]


def test_steps_before_a_failure_are_wasted(node: Any) -> None:
    serve_error("vae_decoder", TRITON_TEXT, TritonError.INTERNAL)
    last_answer(node, picture_request(num_inference_steps=2))
    assert METRICS.of("instantid_wasted_steps_total", **MODEL).value == 2
    assert METRICS.of("instantid_requests_ended_total", outcome="STAGE_FAILED", **MODEL).value == 1


def test_log_has_no_word_of_the_request_and_none_of_tritons(node: Any) -> None:
    serve_error("vae_decoder", TRITON_TEXT, TritonError.INTERNAL)
    last_answer(node, picture_request(prompt="a secret wish"))
    assert "secret" not in log_text()
    assert leaks(log_text()) == []
