"""Publishing to Triton's metrics, on the fake of its module."""

import logging
from collections.abc import Iterator
from threading import Event

import pytest
from triton_python_backend_utils import METRICS as PORT
from triton_python_backend_utils import MetricFamily, TritonModelException

from instantid_server.observe.metrics import ENDED, IN_FLIGHT, METRICS, SIMILARITY, STEPS
from instantid_server.observe.publisher import MetricsPublisher
from instantid_server.observe.tally import Reading, Tally

MODEL = "instantid"
PATIENCE_S = 30.0


class WatchedTally(Tally):
    """Tells when it has been taken."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = Event()

    def take(self) -> list[Reading]:
        self.taken.set()
        return super().take()


@pytest.fixture(autouse=True)
def clean_port() -> Iterator[None]:
    PORT.clear()
    yield
    PORT.clear()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def publisher(tally: Tally) -> MetricsPublisher:
    return MetricsPublisher(tally, MODEL, MetricFamily, TritonModelException)


def test_every_series_is_there_before_its_first_event(publisher: MetricsPublisher) -> None:
    publisher.publish()
    assert len(PORT.series) == sum(len(metric.values) for metric in METRICS)
    assert PORT.of("instantid_requests_ended_total", model=MODEL, outcome="OK").value == 0


def test_counters_add_up_gauges_are_set_and_histograms_observe(
    publisher: MetricsPublisher, tally: Tally
) -> None:
    for _ in range(2):
        tally.add(ENDED, 3, "OK")
        tally.shift(IN_FLIGHT, 1)
        tally.observe(SIMILARITY, 0.5)
        publisher.publish()
    assert PORT.of(ENDED.name, model=MODEL, outcome="OK").value == 6
    assert PORT.of(IN_FLIGHT.name, model=MODEL).value == 2
    assert PORT.of(SIMILARITY.name, model=MODEL).observed == [0.5, 0.5]


def test_nothing_is_lost_while_triton_takes_nothing(
    publisher: MetricsPublisher, tally: Tally
) -> None:
    publisher.publish()
    tally.add(STEPS, 2)
    PORT.broken = True
    with pytest.raises(TritonModelException):
        publisher.publish()
    PORT.broken = False
    tally.add(STEPS, 1)
    publisher.publish()
    assert PORT.of(STEPS.name, model=MODEL).value == 3


def test_rest_is_published_when_it_stops(publisher: MetricsPublisher, tally: Tally) -> None:
    publisher.start()
    tally.add(STEPS, 2)
    publisher.stop()
    assert PORT.of(STEPS.name, model=MODEL).value == 2


def test_it_publishes_by_itself() -> None:
    tally = WatchedTally()
    publisher = MetricsPublisher(tally, MODEL, MetricFamily, TritonModelException)
    publisher.start()
    assert tally.taken.wait(PATIENCE_S)
    publisher.stop()


def test_failure_is_told_once_and_survived(
    publisher: MetricsPublisher, tally: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    PORT.broken = True
    with caplog.at_level(logging.WARNING):
        publisher.start()
        publisher.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "the metrics of instantid cannot be published"
    ]
