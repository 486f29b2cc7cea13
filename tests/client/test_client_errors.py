"""Every error of the server and of tritonclient becomes one of the client's."""

import inspect

import pytest
from tritonclient.utils import InferenceServerException

import instantid_client
from instantid_client import (
    Cancelled,
    ConnectionFailed,
    DeadlineExceeded,
    Draining,
    InstantIDError,
    InvalidInput,
    ModelNotReady,
    Overloaded,
    RateLimited,
    StageFailed,
    Unavailable,
    UnexpectedAnswer,
    _errors,
)
from instantid_client._triton_errors import SERVER_ERRORS, from_triton
from instantid_server.contract import RETRY_HINT, ErrorCode

ERRORS = [
    value
    for value in vars(_errors).values()
    if inspect.isclass(value) and issubclass(value, InstantIDError)
]


def mapped(error: InferenceServerException) -> InstantIDError:
    return from_triton(error.message(), error.status())


@pytest.mark.parametrize("code", ErrorCode)
def test_code_of_the_contract_has_a_class_of_its_own(code: ErrorCode) -> None:
    assert SERVER_ERRORS[code].code == code


@pytest.mark.parametrize("error", ERRORS)
def test_class_is_public_and_drawn_in_the_tree(error: type[InstantIDError]) -> None:
    assert error.__name__ in instantid_client.__all__
    assert _errors.__doc__ is not None
    assert f"{error.__name__} " in _errors.__doc__.replace("\n", " ")


@pytest.mark.parametrize("code", ErrorCode)
@pytest.mark.parametrize("status", ["StatusCode.INTERNAL", "400", None])
@pytest.mark.parametrize("prefix", ["", "in ensemble 'denoise_step', ", "[request id: 3] "])
def test_code_in_the_text_decides(code: ErrorCode, status: str | None, prefix: str) -> None:
    text = f"{prefix}[{code}] width: expected a multiple of 8\n, got 7"
    error = mapped(InferenceServerException(text, status))
    assert type(error) is SERVER_ERRORS[code]
    assert str(error) == f"[{code}] width: expected a multiple of 8\n, got 7"


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        pytest.param("bad", "StatusCode.INVALID_ARGUMENT", InvalidInput, id="grpc-bad-input"),
        pytest.param("bad", "400", InvalidInput, id="http-bad-input"),
        pytest.param("big", "StatusCode.RESOURCE_EXHAUSTED", InvalidInput, id="grpc-too-big"),
        pytest.param("big", "413", InvalidInput, id="http-too-big"),
        pytest.param("who?", "401", InvalidInput, id="http-gateway-knows-nobody"),
        pytest.param("who?", "StatusCode.UNAUTHENTICATED", InvalidInput, id="gateway-knows-nobody"),
        pytest.param("slow down", "429", RateLimited, id="http-gateway-slows-down"),
        pytest.param(
            "Request for unknown model: 'instantid' is not found",
            "StatusCode.NOT_FOUND",
            ModelNotReady,
            id="grpc-unknown-model",
        ),
        pytest.param(
            "Request for unknown model: 'instantid' has no available versions",
            "400",
            ModelNotReady,
            id="http-unloaded-model",
        ),
        pytest.param(
            "failed to connect to all addresses; last error: UNKNOWN: Connection refused",
            "StatusCode.UNAVAILABLE",
            ConnectionFailed,
            id="refused",
        ),
        pytest.param(
            "recvmsg:Connection reset by peer", "StatusCode.UNAVAILABLE", ConnectionFailed, id="cut"
        ),
        pytest.param("Socket closed", "StatusCode.UNAVAILABLE", ConnectionFailed, id="closed"),
        pytest.param("Broken pipe", None, ConnectionFailed, id="broken-pipe"),
        pytest.param(
            "Cancelling all calls", "StatusCode.UNAVAILABLE", ConnectionFailed, id="server-ends"
        ),
        pytest.param("Stream removed", "StatusCode.UNKNOWN", ConnectionFailed, id="stream-removed"),
        pytest.param("queue full", "StatusCode.UNAVAILABLE", Unavailable, id="queue-full"),
        pytest.param("later", "503", Unavailable, id="http-later"),
        pytest.param("", "502", ConnectionFailed, id="proxy-without-server"),
        pytest.param(
            "Deadline Exceeded", "StatusCode.DEADLINE_EXCEEDED", DeadlineExceeded, id="deadline"
        ),
        pytest.param(
            "Locally cancelled by application!", "StatusCode.CANCELLED", Cancelled, id="cancelled"
        ),
        pytest.param("", "StatusCode.UNIMPLEMENTED", UnexpectedAnswer, id="not-triton"),
        pytest.param("boom", "StatusCode.INTERNAL", StageFailed, id="grpc-internal"),
        pytest.param("boom", "500", StageFailed, id="http-internal"),
        pytest.param("[SOMETHING_NEW] boom", None, StageFailed, id="code-of-a-later-server"),
        pytest.param(None, None, StageFailed, id="no-reason"),
    ],
)
def test_error_of_triton_itself_is_mapped(
    text: str | None, status: str | None, expected: type[InstantIDError]
) -> None:
    assert type(mapped(InferenceServerException(text, status))) is expected


@pytest.mark.parametrize("request_id", ["<id_unknown>", "r1"])
def test_request_id_before_a_text_of_triton_is_left_out(request_id: str) -> None:
    text = f"[request id: {request_id}] unexpected shape for input 'seed'"
    assert from_triton(text, "400").message == "unexpected shape for input 'seed'"


@pytest.mark.parametrize("error", [Overloaded, Draining, ModelNotReady])
def test_refusal_says_when_to_come_back(error: type[Unavailable]) -> None:
    text = f"[{error.code}] 8 pictures run, 32 wait; {RETRY_HINT.format(seconds=12)}"
    refusal = from_triton(text, "503")
    assert isinstance(refusal, error)
    assert refusal.retry_after_s == 12


@pytest.mark.parametrize("message", ["try again in a few seconds", "width: 9 s", ""])
def test_error_without_a_hint_has_none(message: str) -> None:
    assert ModelNotReady(message).retry_after_s is None


def test_call_that_the_server_ended_is_a_lost_connection() -> None:
    assert type(from_triton("CANCELLED", "StatusCode.CANCELLED")) is ConnectionFailed
