"""A request's course, as it moves the metrics."""

import math

import pytest

from instantid_server.caller import Caller
from instantid_server.errors import (
    Cancelled,
    DeadlineExceeded,
    InstantIDError,
    InvalidInput,
    Overloaded,
)
from instantid_server.observe import metrics
from instantid_server.observe.metrics import Metric
from instantid_server.observe.record import RequestRecord
from instantid_server.observe.tally import Tally
from instantid_server.timings import StepBatches


class Watched:
    """A request and the metrics that it alone moves."""

    def __init__(self, caller: Caller | None = None) -> None:
        self.tally = Tally()
        self.record = RequestRecord("instantid", caller or Caller(), self.tally)

    def changes(self, metric: Metric) -> dict[str, float]:
        """Return the metric's readings by label; takes all of them."""
        return {r.label_value: r.value for r in self.tally.take() if r.metric is metric}

    def observed(self, metric: Metric) -> list[float]:
        return [r.value for r in self.tally.take() if r.metric is metric]

    def levels(self) -> dict[Metric, float]:
        gauges = (metrics.WAITING, metrics.IN_FLIGHT)
        return {r.metric: r.value for r in self.tally.take() if r.metric in gauges}


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_request_waits_then_runs_then_is_gone(watched: Watched) -> None:
    assert watched.levels() == {metrics.WAITING: 1}
    watched.record.admit()
    assert watched.levels() == {metrics.WAITING: 0, metrics.IN_FLIGHT: 1}
    watched.record.deliver([])
    assert watched.levels() == {metrics.IN_FLIGHT: 0}


def test_answer_without_pictures_is_a_good_end(watched: Watched) -> None:
    watched.record.admit()
    watched.record.end({"face_card": b"sealed"})
    assert (watched.record.outcome, watched.record.num_pictures) == (metrics.OUTCOME_OK, 0)
    assert watched.levels()[metrics.IN_FLIGHT] == 0


def test_request_that_never_ran_waits_no_more(watched: Watched) -> None:
    watched.record.fail(Cancelled("gone"))
    assert watched.levels() == {metrics.WAITING: 0}


@pytest.mark.parametrize(
    ("admitted", "error", "refused"),
    [
        pytest.param(False, Overloaded("full"), {"OVERLOADED": 1}, id="overloaded"),
        pytest.param(False, DeadlineExceeded("short"), {"DEADLINE_EXCEEDED": 1}, id="no-time"),
        pytest.param(True, DeadlineExceeded("late"), {}, id="late"),
        pytest.param(False, InvalidInput("bad"), {}, id="invalid"),
        pytest.param(False, Cancelled("gone"), {}, id="cancelled"),
    ],
)
def test_refused_is_who_was_sent_away_before_it_ran(
    watched: Watched, admitted: bool, error: InstantIDError, refused: dict[str, float]
) -> None:
    if admitted:
        watched.record.admit()
    watched.record.fail(error)
    assert watched.changes(metrics.REFUSED) == refused


def test_outcome_is_counted_by_its_code(watched: Watched) -> None:
    watched.record.fail(Cancelled("gone"))
    assert watched.changes(metrics.ENDED) == {"CANCELLED": 1}


def test_delivered_pictures_are_counted_and_compared_where_there_is_a_face(
    watched: Watched,
) -> None:
    watched.record.admit()
    watched.record.deliver([0.5, math.nan])
    assert watched.record.num_pictures == 2
    assert watched.observed(metrics.SIMILARITY) == [0.5]


def test_steps_of_delivered_pictures_are_not_wasted(watched: Watched) -> None:
    watched.record.add_step(0.04, StepBatches(unet=2, identitynet=2))
    watched.record.deliver([0.5])
    assert watched.changes(metrics.WASTED_STEPS) == {}


def test_steps_of_a_request_that_failed_are_wasted(watched: Watched) -> None:
    for _ in range(3):
        watched.record.add_step(0.04, StepBatches(unet=2, identitynet=2))
    watched.record.fail(Cancelled("gone"))
    assert watched.changes(metrics.WASTED_STEPS) == {"": 3}


def test_batches_are_counted_for_each_stage_that_was_asked(watched: Watched) -> None:
    watched.record.add_step(0.04, StepBatches(unet=3, identitynet=2))
    watched.record.add_step(0.02, StepBatches(unet=4, identitynet=0))
    readings = {(r.metric, r.label_value): r.value for r in watched.tally.take()}
    assert readings[metrics.STEPS, ""] == 2
    assert readings[metrics.STEP_CALLS, "unet"] == 2
    assert readings[metrics.STEP_BATCH_REQUESTS, "unet"] == 7
    assert readings[metrics.STEP_CALLS, "identitynet"] == 1
    assert readings[metrics.STEP_BATCH_REQUESTS, "identitynet"] == 2


def test_first_preview_alone_is_timed(watched: Watched) -> None:
    watched.record.show_preview()
    watched.record.show_preview()
    assert len(watched.observed(metrics.FIRST_PREVIEW)) == 1


def test_waiting_is_timed_until_the_request_runs(watched: Watched) -> None:
    watched.record.admit()
    figures = watched.record.timings.figures()
    assert 0 <= figures["waiting_ms"] <= figures["total_ms"]


def test_names_are_cut_and_made_safe_for_the_log() -> None:
    record = Watched(Caller(request_id="a b\n/etc" + "x" * 90, tenant='"ann"')).record
    assert record.request_id.startswith("a_b__etcxxx")
    assert len(record.request_id) == 64
    assert record.tenant == "_ann_"
