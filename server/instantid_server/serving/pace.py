"""How long a step and the rest of a request take at the moment, from those just done."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_REMEMBERED_STEPS = 256  # enough for several amounts of work
_REMEMBERED_REQUESTS = 16
_REMEMBERED_S = 60.0  # after that one says nothing of now; nobody is refused for it for longer


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
        """Return what a step takes while `work` is under way; None: not measured.

        Between two measured amounts of work it lies on the straight line between them, and beyond
        the highest that line goes on. One amount alone says that more takes no less, and that less
        takes at least its share.
        """
        seconds: dict[int, list[float]] = {}
        for step in self._recent():
            seconds.setdefault(step.work, []).append(step.seconds)
        if not seconds:
            return None
        known = sorted((at, median(of)) for at, of in seconds.items())
        lowest, lowest_s = known[0]
        if work <= lowest:
            return lowest_s * work / lowest
        if len(known) == 1:
            return lowest_s
        end = next((i for i, (at, _) in enumerate(known) if at >= work), len(known) - 1)
        (below, below_s), (above, above_s) = known[end - 1], known[end]
        slope = max(above_s - below_s, 0.0) / (above - below)
        return below_s + slope * (work - below)

    def typical(self) -> float | None:
        """Return the median of the recent steps as they were; None: there are none."""
        steps = self._recent()
        return median(step.seconds for step in steps) if steps else None

    def _recent(self) -> list[_Step]:
        oldest = self._clock() - _REMEMBERED_S
        return [step for step in self._steps if step.at_s >= oldest]


@dataclass(frozen=True)
class AroundSteps:
    """What a request does beside its steps, in seconds."""

    before_s: float = 0.0  # face and text, before the first step
    after_s: float = 0.0  # decoding and checking, after the last one


class RequestPace:
    """The recent requests, without their steps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._requests: deque[tuple[float, AroundSteps]] = deque(maxlen=_REMEMBERED_REQUESTS)

    def add(self, around: AroundSteps) -> None:
        """Remember a request that has just ended."""
        self._requests.append((self._clock(), around))

    def typical(self) -> AroundSteps:
        """Return the median of the recent requests; nothing, if there are none."""
        oldest = self._clock() - _REMEMBERED_S
        recent = [around for at_s, around in self._requests if at_s >= oldest]
        if not recent:
            return AroundSteps()
        return AroundSteps(
            median(around.before_s for around in recent),
            median(around.after_s for around in recent),
        )
