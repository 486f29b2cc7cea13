"""A file of chained records with its checkpoints, as its one writer has it open."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.growing_file import GrowingFile
from instantid_server.trust.audit.chain import BrokenLog, ChainReader, Entry, Head, first_record
from instantid_server.trust.audit.checkpoints import (
    checkpoints_path,
    read_checkpoints,
    sign_checkpoint,
)
from instantid_server.trust.audit.decision import timestamp

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signing:
    """What signs checkpoints, and after how many records."""

    key: Ed25519PrivateKey
    every: int


class ChainedFile:
    """An open log; its caller sees to it that one thread uses it at a time.

    A log that was changed is not gone on with: every later checkpoint would vouch for the change.
    """

    def __init__(self, path: Path, signing: Signing, index: Callable[[Entry], None]) -> None:
        """Open or begin it; `index` hears of the records that are there and of those to come.

        Raises ServingFailure if it cannot be written, or was changed.
        """
        self._signing = signing
        self._index = index
        self._file = _open(path)
        self._checkpoints = _open(checkpoints_path(path))
        try:
            self._claim()
            signed = self._read_checkpoints()
            self._head = self._read(signed)
        except (ServingFailure, BrokenLog) as error:
            self._close()
            if isinstance(error, ServingFailure):
                raise
            raise ServingFailure(
                FailureCode.RECORDS,
                f"records: {error}; `instantid audit verify {path}` looks on. Keep it: move it and "
                f"{self._checkpoints.name} away, and the next start begins a new one",
            ) from error
        self._signed = max(signed, default=None)  # the last record under a checkpoint
        self._sign()

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Put records on the disk, all or none; raises OSError."""
        entries, lines, head, start = [], [], self._head, self._file.size
        for fields in records:
            line = head.next_line(fields)
            head = head.after(line)
            lines.append(line)
            entries.append(Entry(head, fields, start, len(line)))
            start += len(line)
        self._file.add(b"".join(lines))
        self._head = head
        for entry in entries:
            self._index(entry)
        if self._signed is None or head.seq >= self._signed + self._signing.every:
            self._sign()

    def read(self, start: int, size: int) -> bytes:
        """Return a line of which `index` has heard."""
        return self._file.read(start, size)

    def close(self) -> None:
        """Sign what there is, and let another process have it."""
        self._sign()
        self._close()

    def _claim(self) -> None:
        try:
            self._file.claim()
        except BlockingIOError as error:
            raise ServingFailure(
                FailureCode.RECORDS,
                f"records: another server writes {self._file.name}; give this one a file of its "
                "own with --records",
            ) from error

    def _read_checkpoints(self) -> dict[int, str]:
        file = self._checkpoints
        lines = list(file.lines())
        if lines and not lines[-1].endswith(b"\n"):  # cut off by a crash
            file.cut(file.size - len(lines.pop()))
        return read_checkpoints(lines, file.name, self._signing.key.public_key())

    def _read(self, signed: Mapping[int, str]) -> Head:
        """Index what is there; a last line that a crash cut off was never answered, and goes."""
        reader = ChainReader(signed, first_record(self._file.lines(), signed))
        end = 0
        for entry in reader.read(self._file.lines(), self._file.name):
            try:
                self._index(entry)
            except (KeyError, TypeError, ValueError) as error:
                raise BrokenLog(
                    f"record {entry.head.seq} of {self._file.name} is none of this version"
                ) from error
            end = entry.start + entry.size
        reader.finish()
        self._file.cut(end)
        return reader.head

    def _sign(self) -> None:
        """Write a checkpoint if there is news; without one, the records are whole all the same."""
        if self._head.seq == self._signed:
            return
        try:
            self._checkpoints.add(sign_checkpoint(self._head, timestamp(), self._signing.key))
        except OSError as error:
            logger.error("a checkpoint of the records failed: %s", error.strerror)
        else:
            self._signed = self._head.seq

    def _close(self) -> None:
        self._file.close()
        self._checkpoints.close()


def _open(path: Path) -> GrowingFile:
    try:
        return GrowingFile(path)
    except OSError as error:
        raise ServingFailure(
            FailureCode.RECORDS, f"records: {path} cannot be written ({error.strerror})"
        ) from error
