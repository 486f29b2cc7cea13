"""Where the time of one request went, as its answer tells it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from instantid_server.denoise import Step


class Timings:
    """A stopwatch for each stage, and what the steps shared."""

    def __init__(self) -> None:
        self._started = perf_counter()
        self._seconds: dict[str, float] = defaultdict(float)
        self._steps: list[Step] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the `with` block to the stage `name`."""
        started = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += perf_counter() - started

    def add_step(self, step: Step) -> None:
        """Count a step of the loop."""
        self._seconds["denoise_step"] += step.seconds
        self._steps.append(step)

    def to_json(self) -> bytes:
        """Return milliseconds a stage, in flat keys, and the mean number of requests a batch."""
        controlled = [step.batches.identitynet for step in self._steps if step.batches.identitynet]
        report: dict[str, float] = {
            f"{name}_ms": round(seconds * 1000, 2) for name, seconds in self._seconds.items()
        }
        report["total_ms"] = round((perf_counter() - self._started) * 1000, 2)
        report["steps"] = len(self._steps)
        report["mean_batch_unet"] = _mean([step.batches.unet for step in self._steps])
        report["mean_batch_identitynet"] = _mean(controlled)
        return json.dumps(report).encode()


def _mean(counts: list[float]) -> float:
    return round(sum(counts) / len(counts), 3) if counts else 0.0
