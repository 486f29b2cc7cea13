"""What a run's records say."""

import pytest

from scripts.load.figures import percentiles, read_figures
from scripts.load.records import ANSWERED, Record, outcome_of

SECONDS = 10.0
UNLOADED_S = 1.0


def answered(ended_s: float, latency_s: float) -> Record:
    return Record(ended_s - latency_s, ended_s - latency_s, ended_s, ANSWERED, refused=False)


def test_latency_counts_from_the_moment_at_which_a_request_was_due() -> None:
    late = Record(scheduled_s=1.0, sent_s=4.0, ended_s=5.0, outcome=ANSWERED, refused=False)
    assert late.latency_s == 4.0


def test_rates_leave_out_the_ramp_and_the_tail() -> None:
    records = [answered(ended_s, 1.0) for ended_s in (1.0, 2.0, 5.0, 9.9, 10.0, 12.0)]
    figures = read_figures(records, SECONDS, UNLOADED_S)
    assert figures.pictures_per_s == pytest.approx(3 / 8)
    assert figures.arrivals == 6


def test_goodput_counts_what_came_within_the_goal() -> None:
    records = [answered(5.0, latency_s) for latency_s in (1.0, 2.0, 2.5, 4.0, 6.0)]
    goodput = read_figures(records, SECONDS, UNLOADED_S).goodput_per_s
    assert {factor: round(rate * 8) for factor, rate in goodput.items()} == {2: 2, 3: 3, 5: 4}


def test_refusals_missed_deadlines_and_failures_are_told_apart() -> None:
    refused = Record(1.0, 1.0, 1.01, "OVERLOADED", refused=True)
    failed = Record(1.0, 1.0, 3.0, "STAGE_FAILED", refused=False)
    late = Record(1.0, 1.0, 6.0, "DEADLINE_EXCEEDED", refused=False)
    figures = read_figures([answered(5.0, 1.0), refused, failed, late], SECONDS, UNLOADED_S)
    assert (figures.refusals, figures.missed, figures.failures) == (1, 1, 1)
    assert figures.refusal_s[99] == pytest.approx(0.01)


def test_percentile_is_a_value_that_was_seen() -> None:
    assert percentiles([float(value) for value in range(1, 101)]) == {
        50: 50,
        90: 90,
        95: 95,
        99: 99,
    }
    assert percentiles([3.0]) == {50: 3.0, 90: 3.0, 95: 3.0, 99: 3.0}
    assert percentiles([]) == {}


@pytest.mark.parametrize(
    ("message", "seconds", "deadline_s", "expected"),
    [
        pytest.param(
            "[OVERLOADED] 8 pictures run; try again in 3 s",
            0.01,
            None,
            ("OVERLOADED", True),
            id="full",
        ),
        pytest.param(
            "[DEADLINE_EXCEEDED] timeout: too short",
            0.01,
            5.0,
            ("DEADLINE_EXCEEDED", True),
            id="foreseen",
        ),
        pytest.param(
            "[DEADLINE_EXCEEDED] it passed", 5.01, 5.0, ("DEADLINE_EXCEEDED", False), id="missed"
        ),
        pytest.param(
            "[StatusCode.INTERNAL] [STAGE_FAILED] x",
            1.0,
            None,
            ("STAGE_FAILED", False),
            id="failed",
        ),
        pytest.param("Connection refused", 0.0, None, ("NO_CODE", False), id="no-server"),
    ],
)
def test_error_is_a_refusal_if_it_came_before_the_work(
    message: str, seconds: float, deadline_s: float | None, expected: tuple[str, bool]
) -> None:
    assert outcome_of(message, seconds, deadline_s) == expected
