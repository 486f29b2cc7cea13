"""What has been measured and not yet been published, counted in plain Python by any thread."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from instantid_server.observe.metrics import Metric, MetricKind


@dataclass(frozen=True)
class Reading:
    """One change of a series: an increase, a gauge's new level, or one observed value."""

    metric: Metric
    label_value: str
    value: float


class Tally:
    """Counts, levels and observations since they were last taken."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._increases: dict[tuple[Metric, str], float] = defaultdict(float)
        self._levels: dict[Metric, float] = defaultdict(float)
        self._moved: set[Metric] = set()
        self._observed: list[Reading] = []

    def add(self, counter: Metric, amount: float = 1, label_value: str = "") -> None:
        """Increase a counter."""
        with self._lock:
            self._increases[counter, label_value] += amount

    def shift(self, gauge: Metric, change: int) -> None:
        """Move a gauge up or down."""
        with self._lock:
            self._levels[gauge] += change
            self._moved.add(gauge)

    def observe(self, histogram: Metric, value: float) -> None:
        """Remember a value for a histogram."""
        with self._lock:
            self._observed.append(Reading(histogram, "", value))

    def take(self) -> list[Reading]:
        """Return what changed since the last call, and begin anew."""
        with self._lock:
            increases = [
                Reading(counter, label_value, amount)
                for (counter, label_value), amount in self._increases.items()
            ]
            levels = [Reading(gauge, "", self._levels[gauge]) for gauge in self._moved]
            taken = [*increases, *levels, *self._observed]
            self._increases.clear()
            self._moved.clear()
            self._observed = []
        return taken

    def give_back(self, readings: Sequence[Reading]) -> None:
        """Count what was taken and could not be published once more; gauges go by their level."""
        with self._lock:
            for reading in readings:
                if reading.metric.kind is MetricKind.COUNTER:
                    self._increases[reading.metric, reading.label_value] += reading.value
                elif reading.metric.kind is MetricKind.GAUGE:
                    self._moved.add(reading.metric)
                else:
                    self._observed.append(reading)
