"""The line of a request in the log."""

import json
import logging
from typing import Any

import pytest

from instantid_server.caller import Caller
from instantid_server.errors import InvalidInput, Overloaded
from instantid_server.observe.record import RequestRecord
from instantid_server.observe.request_log import log_request
from instantid_server.observe.tally import Tally
from instantid_server.timings import StepBatches


@pytest.fixture
def record() -> RequestRecord:
    return RequestRecord("instantid", Caller(request_id="r-1", tenant="ann"), Tally())


def line_of(record: RequestRecord, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    with caplog.at_level(logging.INFO, "instantid_server"):
        log_request(record)
    (message,) = [entry.getMessage() for entry in caplog.records]
    assert "\n" not in message
    line: dict[str, Any] = json.loads(message)
    return line


def test_line_tells_who_asked_what_came_of_it_and_how_long_it_took(
    record: RequestRecord, caplog: pytest.LogCaptureFixture
) -> None:
    record.admit()
    record.add_step(0.04, StepBatches(unet=2, identitynet=3))
    record.deliver([0.5])
    line = line_of(record, caplog)
    expected = {
        "id": "r-1",
        "model": "instantid",
        "tenant": "ann",
        "outcome": "OK",
        "pictures": 1,
        "steps": 1,
        "denoise_step_ms": 40.0,
        "mean_batch_unet": 2.0,
        "mean_batch_identitynet": 3.0,
    }
    assert expected.items() <= line.items()
    assert line["waiting_ms"] + line["running_ms"] == pytest.approx(line["total_ms"], abs=0.02)


def test_refused_request_has_waited_and_not_run(
    record: RequestRecord, caplog: pytest.LogCaptureFixture
) -> None:
    record.fail(Overloaded("full; try again in 3 s"))
    line = line_of(record, caplog)
    assert (line["outcome"], line["pictures"], line["running_ms"]) == ("OVERLOADED", 0, 0.0)


def test_line_has_the_code_of_an_error_and_not_its_words(
    record: RequestRecord, caplog: pytest.LogCaptureFixture
) -> None:
    record.fail(InvalidInput("prompt: a secret wish"))
    assert "secret" not in json.dumps(line_of(record, caplog))
