"""What fuzz sends, and which answers it takes."""

import pytest
from hypothesis import HealthCheck, given, settings
from tritonclient.grpc import service_pb2

from scripts.fuzz.mutations import raw_requests
from scripts.fuzz.raw_request import RawAnswer, RawRequest
from scripts.fuzz.verdict import complaint


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(RawAnswer("OK", ""), id="answered"),
        pytest.param(RawAnswer("INVALID_ARGUMENT", "[INVALID_INPUT] seed: ..."), id="refused"),
        pytest.param(RawAnswer("400", "[CONSENT_INVALID] consent_token: ..."), id="no-consent"),
        pytest.param(RawAnswer("400", "unexpected inference input 'x'"), id="by-triton"),
        pytest.param(RawAnswer("UNAVAILABLE", "[DEADLINE_EXCEEDED] timeout"), id="no-time"),
    ],
)
def test_answer_in_order_is_taken(answer: RawAnswer) -> None:
    assert complaint(answer) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(RawAnswer("INTERNAL", "[INTERNAL] x"), "broke something", id="unforeseen"),
        pytest.param(RawAnswer("500", "x"), "has no code", id="untyped"),
        pytest.param(RawAnswer("no answer", "TimeoutError"), "has no code", id="silence"),
        pytest.param(
            RawAnswer("400", "[INVALID_INPUT] see /tmp/x"), "gives away path", id="a-path"
        ),
    ],
)
def test_answer_out_of_order_is_named(answer: RawAnswer, expected: str) -> None:
    found = complaint(answer)
    assert found is not None
    assert found.startswith(expected)


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[*HealthCheck])
@given(raw_requests())
def test_every_request_can_be_put_on_the_wire(request: RawRequest) -> None:
    message = service_pb2.ModelInferRequest(model_name=request.model, id=request.request_id)
    for tensor in request.inputs:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        message.raw_input_contents.append(tensor.content)
    assert len(message.SerializeToString()) < 1_000_000
