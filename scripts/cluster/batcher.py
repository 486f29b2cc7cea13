"""A simulated dynamic batcher: what waits for one stage, and when Triton makes a batch of it.

Triton's batcher starts a batch when a request comes to an idle stage. One that comes while the
stage computes wakes nobody: it is taken along by the next that comes to the idle stage, or found
when the batcher's own wait is over. That costs nothing while several pictures take turns, and up to
half a second when the last picture to come by is done.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from math import ceil
from typing import Generic, TypeVar

WAIT_S = 0.5  # of Triton's batcher, by itself (dynamic_batch_scheduler.cc)
_WAKE_S = 0.00015  # from the request that wakes it to the batch; who comes meanwhile is taken along

ItemT = TypeVar("ItemT")


class Batcher(Generic[ItemT]):
    """The queue of one stage with one instance."""

    def __init__(self, seconds: Sequence[float], loses_wakeups: bool) -> None:
        """Take the seconds of a batch by its items, from none to the most it may have."""
        self._seconds = seconds
        self._loses_wakeups = loses_wakeups
        self._waiting: list[tuple[float, int, ItemT]] = []  # by the moment at which they come
        self._numbers = count()
        self._idle_since_s = 0.0
        self._waits_since_s = 0.0  # the batcher, for more to come
        self._is_awake = False  # it has seen more than a batch could take

    def put(self, comes_s: float, item: ItemT) -> None:
        """Have an item come at `comes_s`."""
        heappush(self._waiting, (comes_s, next(self._numbers), item))

    def forms_at(self) -> float | None:
        """Return when the next batch forms, or has formed; None: nothing comes."""
        if not self._waiting:
            return None
        first_s, idle_s = self._waiting[0][0], self._idle_since_s
        if first_s >= idle_s or self._is_awake or not self._loses_wakeups:
            return max(first_s, idle_s)
        waits = ceil((first_s - self._waits_since_s) / WAIT_S)
        found_s = max(self._waits_since_s + waits * WAIT_S, idle_s)
        return min(
            (comes_s for comes_s, _, _ in self._waiting if idle_s <= comes_s < found_s),
            default=found_s,
        )

    def take(self, formed_s: float) -> tuple[list[ItemT], float]:
        """Return the batch that formed then, and what it takes."""
        closes_s = formed_s + _WAKE_S
        batch: list[ItemT] = []
        while self._comes_by(closes_s) and len(batch) < len(self._seconds) - 1:
            batch.append(heappop(self._waiting)[2])
        self._waits_since_s = formed_s
        self._is_awake = self._comes_by(closes_s)
        return batch, self._seconds[len(batch)]

    def be_idle(self, now_s: float) -> None:
        """Note that a batch has ended."""
        self._idle_since_s = now_s

    def _comes_by(self, moment_s: float) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= moment_s
