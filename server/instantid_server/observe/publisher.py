"""The way of the metrics to Triton's metrics port.

Every call of Triton's metrics API is a message to the one thread that also starts the stage calls
of this model, so nothing is published while a request waits for it: a thread of our own passes on
once a second what has changed.
"""

import logging
from threading import Event, Thread
from typing import Any

from instantid_server.observe.metrics import METRICS, Metric, MetricKind
from instantid_server.observe.tally import Reading, Tally

logger = logging.getLogger(__name__)

_PERIOD_S = 1.0


class MetricsPublisher:
    """Publishes one model's tally; `family` is Triton's MetricFamily, `failure` what it raises."""

    def __init__(
        self, tally: Tally, model: str, family: type[Any], failure: type[Exception]
    ) -> None:
        self._tally = tally
        self._model = model
        self._family = family
        self._failure = failure
        self._families: dict[Metric, Any] = {}
        self._series: dict[tuple[Metric, str], Any] = {}
        self._stopped = Event()
        self._thread = Thread(target=self._run, name=f"{model}-metrics", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self) -> None:
        """Publish the rest and end."""
        self._stopped.set()
        self._thread.join()

    def publish(self) -> None:
        """Pass on what has changed; what Triton does not take is kept for the next time."""
        if not self._series:
            self._create()
        readings = self._tally.take()
        for index, reading in enumerate(readings):
            try:
                self._pass_on(reading)
            except self._failure:
                self._tally.give_back(readings[index:])
                raise

    def _run(self) -> None:
        failing = False
        stopped = False
        while not stopped:
            stopped = self._stopped.wait(_PERIOD_S)
            try:
                self.publish()
            except self._failure:  # such as no shared memory left; its text stays here
                if not failing:
                    logger.warning("the metrics of %s cannot be published", self._model)
                failing = True
            else:
                failing = False

    def _create(self) -> None:
        """Create every series, so that each is there with a zero before its first event."""
        series: dict[tuple[Metric, str], Any] = {}
        for metric in METRICS:
            kind = getattr(self._family, metric.kind)
            family = self._family(name=metric.name, description=metric.description, kind=kind)
            self._families[metric] = family  # must outlive its series
            for value in metric.values:
                labels = {"model": self._model}
                if metric.label:
                    labels[metric.label] = str(value)
                buckets = list(metric.buckets) or None
                series[metric, value] = family.Metric(labels=labels, buckets=buckets)
        self._series = series

    def _pass_on(self, reading: Reading) -> None:
        series = self._series[reading.metric, reading.label_value]
        if reading.metric.kind is MetricKind.COUNTER:
            series.increment(reading.value)
        elif reading.metric.kind is MetricKind.GAUGE:
            series.set(reading.value)
        else:
            series.observe(reading.value)
