"""How long a step takes at the moment, from the steps that were just done."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_REMEMBERED_STEPS = 64
_REMEMBERED_S = 60.0  # after that a step says nothing of now; nobody is refused for it for longer


@dataclass(frozen=True)
class _Step:
    at_s: float
    work: int  # pixels that everybody's steps computed while this one ran
    seconds: float


class StepPace:
    """The recent steps of all requests."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._steps: deque[_Step] = deque(maxlen=_REMEMBERED_STEPS)

    def add(self, work: int, seconds: float) -> None:
        """Remember a step that took `seconds` while `work` pixels a step were under way."""
        self._steps.append(_Step(self._clock(), work, seconds))

    def seconds_per_step(self, work: int) -> float | None:
        """Return what a step takes at least while `work` is under way; None: not measured.

        More work makes no step shorter, and half of the work takes at least half of the time:
        between those two lines lies every step, whatever the hardware gains from batches.
        """
        steps = self._recent()
        if not steps:
            return None
        return median(step.seconds * min(1.0, work / step.work) for step in steps)

    def typical(self) -> float | None:
        """Return the median of the recent steps as they were; None: there are none."""
        steps = self._recent()
        return median(step.seconds for step in steps) if steps else None

    def _recent(self) -> list[_Step]:
        oldest = self._clock() - _REMEMBERED_S
        return [step for step in self._steps if step.at_s >= oldest]
