"""The wish that the server end: by signal, or by request."""

import signal
import threading
from types import FrameType


class StopWish:
    """Counts the signals that ask this process to end; the second one is in haste."""

    def __init__(self) -> None:
        self._count = 0
        self._uttered = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._receive)

    def utter(self) -> None:
        """Ask for the end without haste, however often; safe from any thread."""
        self._uttered.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for a first wish; tell whether there has been one."""
        return self._uttered.wait(timeout_s)

    def in_haste(self) -> bool:
        """Tell whether there has been a second signal."""
        return self._count > 1

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self._uttered.set()
