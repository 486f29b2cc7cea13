"""How often Triton may be started again before somebody else has to look at it."""

from collections import deque
from collections.abc import Callable

MOST = 3
WITHIN_S = 600.0


class RestartLimit:
    """Allows a few restarts in any ten minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent: deque[float] = deque()

    def take(self) -> bool:
        """Tell whether one more is allowed, and count it."""
        now = self._clock()
        while self._recent and now - self._recent[0] >= WITHIN_S:
            self._recent.popleft()
        if len(self._recent) == MOST:
            return False
        self._recent.append(now)
        return True
