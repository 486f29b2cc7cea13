"""The inspection of a log by who did not write it: is it whole, and how far is it signed."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from instantid_server.trust.audit.chain import START, BrokenLog, ChainReader, Entry
from instantid_server.trust.audit.checkpoints import read_checkpoints

# Pictures of one moment are put on record in any order; more than that, and a clock was set back.
_CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Finding:
    """What a whole log holds."""

    first: int  # record
    last: int
    kinds: Counter[str]  # records of each
    signed: int  # the last record that a checkpoint covers; what follows could be cut off unnoticed
    set_back: tuple[int, ...]  # records whose clock was behind that of the record before

    def sentences(self) -> list[str]:
        """Return in words what was found."""
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        said = [f"records {self.first} to {self.last} are whole: {counts or 'none yet'}"]
        if self.signed < self.last:
            said.append(f"no checkpoint covers what comes after record {self.signed} yet")
        if self.set_back:
            said.append(f"the clock was set back before {', '.join(map(str, self.set_back))}")
        return said


def inspect_log(
    paths: Sequence[Path], checkpoints: Path, key: Ed25519PublicKey, first: int = START.seq + 1
) -> Finding:
    """Check the files of one log, the oldest first; raises BrokenLog, or OSError.

    `first` is the record that they begin with, where earlier files were deleted on purpose.
    """
    # Before the records: a server that writes meanwhile signs none that are not there yet.
    with checkpoints.open("rb") as lines:
        signed = read_checkpoints(lines, str(checkpoints), key)
    reader = ChainReader(signed, first)
    kinds: Counter[str] = Counter()
    set_back = []
    before = datetime.min.replace(tzinfo=UTC)
    for path in paths:
        with path.open("rb") as lines:
            for entry in reader.read(lines, str(path)):
                kinds[_text(entry, "kind", path)] += 1
                time = datetime.fromisoformat(_text(entry, "time", path))
                if before - time > _CLOCK_TOLERANCE:
                    set_back.append(entry.head.seq)
                before = time
    reader.finish()
    return Finding(first, reader.head.seq, kinds, max(signed, default=0), tuple(set_back))


def find_decisions(path: Path, record_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a file whose ids begin so; whether it is whole is not looked at.

    Raises BrokenLog for a line that is no record.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.endswith(b"\n"):
                try:
                    fields = json.loads(line)
                    is_meant = fields["record_id"].startswith(record_id)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise BrokenLog(f"line {number} of {path} is no record") from error
                if is_meant:
                    yield fields


def _text(entry: Entry, name: str, path: Path) -> str:
    value = entry.fields.get(name)
    if not isinstance(value, str):
        raise BrokenLog(f"record {entry.head.seq} in {path} has no {name}")
    return value
