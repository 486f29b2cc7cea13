"""How often something may be mended the same way before more has to be done about it."""

from collections import deque
from collections.abc import Callable

WITHIN_S = 600.0


class RepairLimit:
    """Allows so many repairs in any ten minutes."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._recent: deque[float] = deque()

    def take(self) -> bool:
        """Tell whether one more is allowed, and count it."""
        now = self._clock()
        while self._recent and now - self._recent[0] >= WITHIN_S:
            self._recent.popleft()
        if len(self._recent) == self._most:
            return False
        self._recent.append(now)
        return True
