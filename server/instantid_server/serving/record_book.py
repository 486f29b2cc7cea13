"""The record book: every picture that left the server, one line of JSON each, written to the disk.

A record is on the disk before its picture is released. One process writes one book.
"""

import fcntl
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import IO

from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.trust.picture_record import PictureRecord
from instantid_server.trust.record_file import RecordFileError, read_record

_MODE = 0o600
MOST_FOUND = 8  # records of one mark id; two in a million pictures share theirs by chance


class RecordBook:
    """An open book; its caller sees to it that one thread uses it at a time."""

    def __init__(self, path: Path) -> None:
        """Open or begin a book; raises ServingFailure if it cannot be written or is no book."""
        self._places: defaultdict[int, list[int]] = defaultdict(list)  # mark id -> line's start
        self._book = _open(path)
        try:
            self._claim(path)
            self._read_places(path)
        except ServingFailure:
            self._book.close()
            raise

    def add(self, record: PictureRecord) -> None:
        """Write a record to the disk; raises OSError if it may not be there."""
        place = self._book.seek(0, os.SEEK_END)
        self._book.write(record.to_line().encode() + b"\n")
        self._book.flush()
        os.fsync(self._book.fileno())
        self._places[record.mark_id].append(place)

    def find(self, mark_id: int) -> list[PictureRecord]:
        """Return the latest records whose ids begin with these 32 bits."""
        return [self._read(place) for place in self._places.get(mark_id, [])[-MOST_FOUND:]]

    def close(self) -> None:
        """Let another process have the book."""
        self._book.close()

    def _read(self, place: int) -> PictureRecord:
        self._book.seek(place)
        return PictureRecord.from_fields(json.loads(self._book.readline()))

    def _claim(self, path: Path) -> None:
        try:
            fcntl.flock(self._book, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServingFailure(
                FailureCode.RECORDS,
                f"records: another server writes {path}; give this one a file of its own with "
                "--records",
            ) from error

    def _read_places(self, path: Path) -> None:
        self._book.seek(0)
        place = 0
        for number, line in enumerate(self._book, start=1):
            if line.endswith(b"\n"):
                try:
                    record = read_record(line, f"line {number} of {path}")
                except RecordFileError as error:
                    raise ServingFailure(FailureCode.RECORDS, f"records: {error}") from error
                self._places[record.mark_id].append(place)
                place += len(line)
            else:  # cut off by a crash, so its picture was never released
                self._book.truncate(place)


def _open(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _MODE), "a+b")
    except OSError as error:
        raise ServingFailure(
            FailureCode.RECORDS, f"records: {path} cannot be written ({error.strerror})"
        ) from error
