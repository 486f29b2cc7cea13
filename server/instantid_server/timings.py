"""Where the time of one request went, as its answer tells it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class StepBatches:
    """How many requests shared the executions that answered one step; 0: not called."""

    unet: float
    identitynet: float


class Timings:
    """A stopwatch for each stage, and what the steps shared."""

    def __init__(self) -> None:
        self._started = perf_counter()
        self._seconds: dict[str, float] = defaultdict(float)
        self._steps: list[StepBatches] = []

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request came in."""
        return perf_counter() - self._started

    @property
    def num_steps(self) -> int:
        """Steps done."""
        return len(self._steps)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the `with` block to the stage `name`."""
        started = perf_counter()
        try:
            yield
        finally:
            self.add(name, perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        """Add time to the stage `name`."""
        self._seconds[name] += seconds

    def add_step(self, seconds: float, batches: StepBatches) -> None:
        """Count a step of the loop."""
        self.add("denoise_step", seconds)
        self._steps.append(batches)

    def figures(self) -> dict[str, float]:
        """Return milliseconds a stage, in flat keys, and the mean number of requests a batch."""
        controlled = [batches.identitynet for batches in self._steps if batches.identitynet]
        report: dict[str, float] = {
            f"{name}_ms": round(seconds * 1000, 2) for name, seconds in self._seconds.items()
        }
        report["total_ms"] = round(self.elapsed_s * 1000, 2)
        report["steps"] = len(self._steps)
        report["mean_batch_unet"] = _mean([batches.unet for batches in self._steps])
        report["mean_batch_identitynet"] = _mean(controlled)
        return report

    def to_json(self) -> bytes:
        """Return the figures as the answer carries them."""
        return json.dumps(self.figures()).encode()


def _mean(counts: list[float]) -> float:
    return round(sum(counts) / len(counts), 3) if counts else 0.0
