"""Waiting for what other threads and processes bring about."""

import time
from collections.abc import Callable

_PATIENCE_S = 60.0  # for what takes milliseconds, on a machine that does other things as well
_POLL_S = 0.005


def wait_until(reached: Callable[[], bool]) -> None:
    """Return when `reached` is true; raises AssertionError if that takes far too long."""
    deadline = time.monotonic() + _PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(_POLL_S)
