"""The public nodes at the admission desk: who waits, who is refused, and who is cancelled."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from batches import answer_of
from bls import serve_chain
from patience import wait_until
from public_requests import picture_request
from triton_python_backend_utils import (
    MODELS,
    InferenceRequest,
    InferenceResponse,
    ResponseSender,
    Tensor,
    get_input_tensor_by_name,
)

from instantid_server.desk_link import DESK_VARIABLE, DeskUnknown
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.limits import AdmissionLimits

pytestmark = pytest.mark.usefixtures("plain_pictures")

LoadNode = Callable[[str], Any]
PUBLIC = ("instantid", "instantid_stream", "instantid_cancel")


@pytest.fixture
def admission_limits() -> AdmissionLimits:
    return AdmissionLimits(max_running_pictures=1, max_waiting=3)


class HeldStep:
    """The stage `denoise_step`, which answers when it is let go."""

    def __init__(self) -> None:
        self._answer = MODELS["denoise_step"]
        self._let_go = threading.Event()
        self.calls = 0
        MODELS["denoise_step"] = self

    def __call__(self, request: InferenceRequest) -> InferenceResponse:
        self.calls += 1
        self._let_go.wait()
        return self._answer(request)

    def let_go(self) -> None:
        self._let_go.set()


@pytest.fixture
def held_step(load_node: LoadNode) -> Iterator[HeldStep]:
    serve_chain(load_node)
    held = HeldStep()
    yield held
    held.let_go()  # a node's end waits for its requests


def start(
    node: Any, request_id: str = "", timeout_us: int = 0, **parameters: Any
) -> ResponseSender:
    """Start a two-step request, its id also its prompt, and return its sender."""
    arrays = picture_request(prompt=request_id or "a portrait")
    inputs = [Tensor(name, array) for name, array in arrays.items()]
    request = InferenceRequest(
        inputs=inputs, request_id=request_id, timeout=timeout_us, parameters=parameters
    )
    node.execute([request])
    return request.get_response_sender()


def order_of_start() -> list[str]:
    """Return a list to which every request adds its id when it starts to run."""
    started: list[str] = []
    answer = MODELS["text_encoder"]

    def watch(request: InferenceRequest) -> InferenceResponse:
        prompts = get_input_tensor_by_name(request, "prompt").as_numpy()
        started.append(prompts[-1, 0].decode())
        return answer(request)

    MODELS["text_encoder"] = watch
    return started


def cancel(node: Any, request_id: str | bytes, **parameters: Any) -> Any:
    """Return how many requests the node took back, or the text of its error."""
    encoded = request_id.encode() if isinstance(request_id, str) else request_id
    tensor = Tensor("request_id", np.array([encoded], dtype=np.object_))
    (response,) = node.execute([InferenceRequest(inputs=[tensor], parameters=parameters)])
    answer = answer_of(response)
    return answer if isinstance(answer, str) else answer["cancelled"].tolist()


def final_answer(sender: ResponseSender) -> str:
    """Wait for the last response and return its error, or "" for pictures."""
    wait_until(lambda: sender.closed)
    answer = answer_of(sender.sent[-1])
    return answer if isinstance(answer, str) else ""


@pytest.mark.parametrize("model", PUBLIC)
def test_public_model_does_not_load_without_a_desk(
    model: str, load_node: LoadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DESK_VARIABLE)
    with pytest.raises(DeskUnknown, match="instantid serve"):
        load_node(model)


def test_both_models_share_one_limit(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    unary, stream = load_node("instantid"), load_node("instantid_stream")
    running = start(unary)
    wait_until(lambda: held_step.calls == 1)
    waiting = [start(node) for node in (unary, stream, stream)]
    wait_until(lambda: desk.snapshot().waiting == 3)
    for node in (unary, stream):
        refused = final_answer(start(node))
        assert refused.startswith("[OVERLOADED] 1 of 1 pictures run and 3 of 3 requests wait; ")
    assert held_step.calls == 1
    held_step.let_go()
    assert {final_answer(sender) for sender in (running, *waiting)} == {""}


def test_refused_request_calls_no_stage(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    node = load_node("instantid")
    desk.begin_drain(4)
    MODELS.clear()  # a call of any would be another error
    refused = final_answer(start(node))
    assert refused == "[DRAINING] the server is about to end; try again in 4 s"


def test_bad_request_is_told_so_even_when_there_is_no_place(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    node = load_node("instantid")
    desk.begin_drain(4)
    assert final_answer(start(node, priority_class="urgent")).startswith(
        "[INVALID_INPUT] priority_class: "
    )


def test_priority_and_tenant_of_the_requests_decide_their_order(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    nodes = [load_node("instantid"), load_node("instantid_stream")]
    started = order_of_start()
    senders = [start(nodes[0], "first", tenant="a")]
    wait_until(lambda: held_step.calls == 1)
    asked = [("low", "b", "low"), ("second", "a", "normal"), ("other", "b", "normal")]
    for number, (name, tenant, priority_class) in enumerate(asked):
        node = nodes[number % 2]
        senders.append(start(node, name, tenant=tenant, priority_class=priority_class))
        wait_until(lambda: desk.snapshot().waiting == len(senders) - 1)
    held_step.let_go()
    assert {final_answer(sender) for sender in senders} == {""}
    assert started == ["first", "other", "second", "low"]


def test_deadline_passes_while_the_request_waits(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    node = load_node("instantid")
    start(node)
    wait_until(lambda: held_step.calls == 1)
    late = final_answer(start(node, timeout_us=200_000))
    assert late.startswith("[DEADLINE_EXCEEDED] timeout: it passed while the request waited")
    wait_until(lambda: desk.snapshot().waiting == 0)


def test_deadline_passes_while_the_request_runs(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    node = load_node("instantid")
    late = start(node, timeout_us=1_000_000)
    began = time.monotonic()  # a little after the server's own
    wait_until(lambda: time.monotonic() - began > 1.0)
    held_step.let_go()
    assert final_answer(late).startswith("[DEADLINE_EXCEEDED] timeout: it passed; steps done: ")
    assert held_step.calls <= 1
    wait_until(desk.is_idle)


def test_caller_who_goes_away_while_waiting_is_answered(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    node = load_node("instantid")
    start(node)
    wait_until(lambda: held_step.calls == 1)
    waiting = start(node)
    wait_until(lambda: desk.snapshot().waiting == 1)
    waiting.cancelled = True
    assert final_answer(waiting).startswith("[CANCELLED] the caller went away while")


def test_running_request_is_taken_back_within_a_step(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    running = start(load_node("instantid"), request_id="r", tenant="a")
    wait_until(lambda: held_step.calls == 1)
    assert cancel(load_node("instantid_cancel"), "r", tenant="a") == [1]
    held_step.let_go()
    assert final_answer(running) == "[CANCELLED] the request was taken back by instantid_cancel"
    assert held_step.calls == 1
    wait_until(desk.is_idle)


def test_waiting_request_is_taken_back_at_once(
    load_node: LoadNode, held_step: HeldStep, desk: AdmissionDesk
) -> None:
    node = load_node("instantid_stream")
    start(node)
    wait_until(lambda: held_step.calls == 1)
    waiting = start(node, request_id="r")
    wait_until(lambda: desk.snapshot().waiting == 1)
    assert cancel(load_node("instantid_cancel"), "r") == [1]
    assert final_answer(waiting) == "[CANCELLED] the request was taken back by instantid_cancel"
    assert held_step.calls == 1


def test_request_of_another_tenant_is_not_taken_back(
    load_node: LoadNode, held_step: HeldStep
) -> None:
    running = start(load_node("instantid"), request_id="r", tenant="a")
    wait_until(lambda: held_step.calls == 1)
    assert cancel(load_node("instantid_cancel"), "r", tenant="b") == [0]
    held_step.let_go()
    assert final_answer(running) == ""


@pytest.mark.parametrize(
    ("request_id", "message"),
    [
        pytest.param("", "request_id: expected 1 to 256 characters, got 0", id="empty"),
        pytest.param("r" * 257, "request_id: expected 1 to 256 characters, got 257", id="long"),
        pytest.param(b"\xff", "request_id: expected UTF-8 text", id="not-utf-8"),
    ],
)
def test_id_that_no_request_can_have_is_refused(
    load_node: LoadNode, request_id: str | bytes, message: str
) -> None:
    assert cancel(load_node("instantid_cancel"), request_id) == f"[INVALID_INPUT] {message}"


def test_missing_id_is_named(load_node: LoadNode) -> None:
    (response,) = load_node("instantid_cancel").execute([InferenceRequest()])
    assert answer_of(response) == "[INVALID_INPUT] request_id: required, but not given"
