"""What comes with a request beside its inputs."""

import time
from typing import Any

import pytest

from instantid_server.caller import TENANT_HEADER, Caller, read_caller
from instantid_server.contract import TENANT_PARAMETER, PriorityClass
from instantid_server.errors import InvalidInput


def read(request_id: str = "", timeout_us: int = 0, **parameters: Any) -> Caller:
    return read_caller(request_id, parameters, timeout_us, arrived_s=100.0)


def test_caller_who_says_nothing_is_an_ordinary_one() -> None:
    assert read() == Caller()
    assert Caller().priority_class is PriorityClass.NORMAL


def test_everything_that_comes_with_a_request_is_read() -> None:
    caller = read("r-1", tenant="a", priority_class="high", traceparent="00-1-2-01", colour="red")
    assert caller == Caller("r-1", "a", PriorityClass.HIGH, "00-1-2-01")


def test_gateways_word_on_the_tenant_counts_and_the_callers_does_not() -> None:
    parameters = {TENANT_HEADER: "a", TENANT_PARAMETER: "b"}
    assert read_caller("", parameters, 0, 0.0).tenant == "b"
    assert read_caller("", parameters, 0, 0.0, TENANT_HEADER).tenant == "a"
    assert read_caller("", {TENANT_PARAMETER: "b"}, 0, 0.0, TENANT_HEADER).tenant == ""


def test_deadline_is_counted_from_the_arrival() -> None:
    assert read(timeout_us=2_500_000).deadline_s == pytest.approx(102.5)


def test_time_left_is_told_until_the_deadline_and_beyond() -> None:
    now_s = time.monotonic()
    assert Caller().seconds_left() is None
    assert Caller(deadline_s=now_s + 100).seconds_left() == pytest.approx(100, abs=20)
    assert (Caller(deadline_s=now_s - 1).seconds_left() or 0) < 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param(
            {"priority_class": "urgent"},
            "priority_class: expected one of high, normal, low; got 'urgent'",
            id="unknown-class",
        ),
        pytest.param(
            {"priority_class": 1}, "priority_class: expected a text, got int", id="class-number"
        ),
        pytest.param({"tenant": 7}, "tenant: expected a text, got int", id="tenant-number"),
        pytest.param(
            {"tenant": "a" * 300}, "tenant: expected at most 256 characters, got 300", id="tenant"
        ),
        pytest.param(
            {"request_id": "a" * 300},
            "request id: expected at most 256 characters, got 300",
            id="request-id",
        ),
    ],
)
def test_mistake_is_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(**parameters)
    assert caught.value.message == message
