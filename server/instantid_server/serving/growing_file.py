"""A file that only grows: what was added is on the disk, and what could not be added is not in it.

One process writes it, and nobody else on the machine reads it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_PRIVATE = 0o600


class GrowingFile:
    """An open file of lines; its caller sees to it that one thread uses it at a time."""

    def __init__(self, path: Path) -> None:
        """Open or begin it; raises OSError."""
        self.name = str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _PRIVATE)
        self.size = os.fstat(self._file).st_size
        self._is_ruined = False

    def claim(self) -> None:
        """Keep other processes from writing it; raises BlockingIOError if one does already."""
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def lines(self) -> Iterator[bytes]:
        """Yield what is in it, line by line."""
        with open(self.name, "rb") as file:
            yield from file

    def read(self, start: int, size: int) -> bytes:
        """Return a part of it."""
        return os.pread(self._file, size, start)

    def add(self, added: bytes) -> None:
        """Put lines on the disk, all or none unless the machine dies; raises OSError."""
        if self._is_ruined:
            raise OSError("an earlier line could neither be written nor taken back")
        try:
            self._write(added)
            os.fsync(self._file)
        except OSError:
            self._is_ruined = True
            with contextlib.suppress(OSError):
                self.cut(self.size)
                self._is_ruined = False
            raise
        self.size += len(added)

    def cut(self, size: int) -> None:
        """Drop what comes after the first `size` bytes; raises OSError."""
        os.ftruncate(self._file, size)
        self.size = size

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._file)

    def _write(self, added: bytes) -> None:
        rest = memoryview(added)
        while rest:
            rest = rest[os.write(self._file, rest) :]
