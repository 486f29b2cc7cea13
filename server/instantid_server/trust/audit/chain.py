"""The chain: every line of the log names the value of the line before it.

A line's value is the SHA-256 of its bytes, its end included, so `sed -n 7p FILE | sha256sum` gives
what line 8 has under `prev`. Whoever changes, takes out or puts in a line has to write all later
ones anew, and cannot where a checkpoint signed one of them.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class BrokenLog(ValueError):
    """A line is not what was written; the message names it."""


@dataclass(frozen=True)
class Head:
    """How far a chain has come."""

    seq: int  # of the last record; 0: there is none yet
    value: str  # of its line

    def next_line(self, fields: Mapping[str, Any]) -> bytes:
        """Return the line of the next record."""
        linked = {"seq": self.seq + 1, "prev": self.value, **fields}
        return json.dumps(linked, separators=(",", ":")).encode() + b"\n"

    def after(self, line: bytes) -> "Head":
        """Return the head once `line` is written."""
        return Head(self.seq + 1, hashlib.sha256(line).hexdigest())


START = Head(0, "0" * 64)


@dataclass(frozen=True)
class Entry:
    """A line that was read and is in its place."""

    head: Head  # after it
    fields: Mapping[str, Any]
    start: int  # of the line in its file
    size: int


def first_record(lines: Iterable[bytes], signed: Mapping[int, str]) -> int:
    """Return the record that a file begins with; that after the last signed one, if it is empty.

    An operator may have moved away what came before.
    """
    for line in lines:
        if line.endswith(b"\n"):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return int(json.loads(line)["seq"])
            return START.seq + 1  # the line is no record, which whoever reads on will say
    return max(signed, default=START.seq) + 1


class ChainReader:
    """Reads the files of one log in their order, and refuses the first line that is wrong."""

    def __init__(self, signed: Mapping[int, str], first: int = 1) -> None:
        """Take the values that checkpoints signed, by record, and the first record to expect.

        Raises BrokenLog if nothing says what came before that record.
        """
        self._signed = signed
        if first == START.seq + 1:
            self.head = START
        elif first - 1 in signed:
            self.head = Head(first - 1, signed[first - 1])
        else:
            raise BrokenLog(f"no checkpoint signs what came before record {first}")

    def read(self, lines: Iterable[bytes], name: str) -> Iterator[Entry]:
        """Yield what `lines` hold; a last one without an end was cut off by a crash and is left."""
        start = 0
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            fields = self._check(line, f"line {number} of {name}")
            self.head = self.head.after(line)
            if self._signed.get(self.head.seq, self.head.value) != self.head.value:
                raise BrokenLog(f"line {number} of {name} is not the one that a checkpoint signed")
            yield Entry(self.head, fields, start, len(line))
            start += len(line)

    def finish(self) -> None:
        """Raise BrokenLog if more was signed than has been read."""
        last = max(self._signed, default=0)
        if last > self.head.seq:
            raise BrokenLog(
                f"the log ends after record {self.head.seq}, but a checkpoint signed record {last}"
            )

    def _check(self, line: bytes, place: str) -> Mapping[str, Any]:
        try:
            fields = json.loads(line)
            seq, previous = fields["seq"], fields["prev"]
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenLog(f"{place} is no record") from error
        if seq != self.head.seq + 1:
            raise BrokenLog(f"{place} is record {seq}, where record {self.head.seq + 1} belongs")
        if previous != self.head.value:
            raise BrokenLog(f"{place} does not follow the one before: one of them was changed")
        return dict(fields)
