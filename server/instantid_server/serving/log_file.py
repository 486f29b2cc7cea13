"""Triton's log on disk: it appends, from start to start, and this process reads."""

import os
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 16 << 20  # hours of a busy server, at some 600 bytes a picture


class LogFile:
    """One file; what it held before is gone."""

    def __init__(self, path: Path, most_bytes: int | None) -> None:
        """Begin it; None: someone else sees to its size."""
        self.path = path
        self._most_bytes = most_bytes
        self._start = 0
        path.write_bytes(b"")

    def open(self) -> BinaryIO:
        """Return it for a server that starts now, to append to."""
        self._start = self.path.stat().st_size
        return self.path.open("ab")

    def text(self) -> str:
        """Return what was logged since the last start."""
        with self.path.open("rb") as log:
            log.seek(self._start)
            return log.read().decode(errors="replace")

    def bound(self) -> None:
        """Empty it if it has grown too large; whoever appends goes on at its new end."""
        if self._most_bytes is not None and self.path.stat().st_size > self._most_bytes:
            os.truncate(self.path, 0)
            self._start = 0
