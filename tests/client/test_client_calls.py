"""What goes with a request beside its tensors: tenant, priority, id, deadline, trace."""

from typing import Any

import numpy as np
import pytest
from opentelemetry import trace

from instantid_client import Client, Generation, InvalidInput
from instantid_client._call import Call
from tests.client.answers import result
from tests.client.fake_transport import FakeTransport, Script
from tests.client.programs import Program

TRACE_ID, SPAN_ID = 0xA1, 0xB2
TRACEPARENT = f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"


def sent(program: Program, client_tenant: str | None = None, **options: Any) -> Call:
    """Return how the request with `options` is sent."""
    script = Script([result()])
    program(script, tenant=client_tenant).generate(prompt="p", **options)
    ((_, _, call),) = script.requests
    return call


def test_nothing_is_said_that_the_caller_did_not_say(program: Program) -> None:
    assert sent(program).parameters == {}


def test_tenant_of_the_client_goes_with_every_request(program: Program) -> None:
    assert sent(program, client_tenant="a").parameters == {"tenant": "a"}


def test_tenant_of_a_request_replaces_that_of_the_client(program: Program) -> None:
    assert sent(program, client_tenant="a", tenant="b").parameters == {"tenant": "b"}


def test_priority_goes_with_its_request(program: Program) -> None:
    assert sent(program, priority_class="high").parameters == {"priority_class": "high"}


def test_request_has_an_id_that_the_result_tells(program: Program) -> None:
    script = Script([result()])
    generation = program(script).generate(prompt="p", request_id="r1")
    assert (generation.request_id, script.requests[0][2].request_id) == ("r1", "r1")


def test_requests_without_an_id_get_one_each(program: Program) -> None:
    script = Script([result()])
    (streamed,) = program(script).events(9, prompt="p")
    assert isinstance(streamed, Generation)
    generation = program(script).generate(prompt="p")
    ids = [call.request_id for _, _, call in script.requests]
    assert ids == [streamed.request_id, generation.request_id]
    assert len(set(ids)) == 2


def test_server_gets_the_timeout_and_the_client_waits_a_little_longer(program: Program) -> None:
    call = sent(program, timeout_s=2.0)
    assert call.timeout_us == pytest.approx(2_000_000, abs=100_000)
    assert call.timeout_s is not None
    assert call.wait_s is not None
    assert 0.1 < call.wait_s - call.timeout_s < 0.5


def test_client_without_a_timeout_waits_for_ever() -> None:
    script = Script([result()])
    Client(transport=FakeTransport(script), timeout_s=None).generate(prompt="p")
    ((_, _, call),) = script.requests
    assert (call.timeout_s, call.timeout_us, call.wait_s) == (None, None, None)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("tenant", 3, id="number-as-tenant"),
        pytest.param("request_id", "", id="empty-id"),
        pytest.param("request_id", "a\nb", id="id-of-two-lines"),
        pytest.param("priority_class", b"high", id="bytes-as-priority"),
        pytest.param("timeout_s", 0, id="no-time"),
        pytest.param("timeout_s", float("inf"), id="endless"),
        pytest.param("timeout_s", float("nan"), id="no-number"),
    ],
)
def test_option_that_cannot_be_sent_is_refused(
    program: Program, option: str, value: object
) -> None:
    script = Script([result()])
    with pytest.raises(InvalidInput, match=option):
        program(script).generate(prompt="p", **{option: value})
    assert script.requests == []


def test_current_span_of_the_program_is_the_parent(program: Program) -> None:
    context = trace.SpanContext(TRACE_ID, SPAN_ID, False, trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(context)):
        assert sent(program).parameters == {"traceparent": TRACEPARENT}


def test_given_trace_replaces_that_of_the_span(program: Program) -> None:
    context = trace.SpanContext(1, 2, False)
    with trace.use_span(trace.NonRecordingSpan(context)):
        assert sent(program, traceparent=TRACEPARENT).parameters == {"traceparent": TRACEPARENT}


def test_cancel_names_the_request_and_counts(program: Program) -> None:
    script = Script([{"cancelled": np.array([2], np.int32)}])
    assert program(script, tenant="a").cancel("r1") == 2
    ((model, inputs, call),) = script.requests
    assert (model, inputs["request_id"].tolist()) == ("instantid_cancel", [b"r1"])
    assert call.parameters == {"tenant": "a"}


def test_cancel_reaches_another_tenant_if_told(program: Program) -> None:
    script = Script([{"cancelled": np.array([0], np.int32)}])
    assert program(script, tenant="a").cancel("r1", tenant="b") == 0
    assert script.requests[0][2].parameters == {"tenant": "b"}
