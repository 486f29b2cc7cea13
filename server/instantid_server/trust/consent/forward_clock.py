"""A clock that goes forward only: one that is turned back would bring ended consents to life."""

from collections.abc import Callable

from instantid_server.errors import PolicyUnavailable

_TOLERANCE_S = 60  # clocks are corrected by seconds all the time


class ForwardClock:
    """Tells the seconds since 1970, and notices where they go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._latest_s = clock()

    def now_s(self) -> float:
        """Return the latest time that was ever told; raises PolicyUnavailable far behind it."""
        now_s = self._clock()
        self._latest_s = max(self._latest_s, now_s)
        if now_s < self._latest_s - _TOLERANCE_S:
            raise PolicyUnavailable(
                "the server's clock went back, so whether a consent still holds cannot be told"
            )
        return self._latest_s
