"""What became of each request of a run, as the callers write it down."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from instantid_server.contract import RETRY_HINT, ErrorCode

ANSWERED = "OK"
NO_CODE = "NO_CODE"  # the answer was an error of Triton's own, or of the connection
_CODE = re.compile(r"\[([A-Z_]+)\]")
_RETRY_HINT = re.compile(re.escape(RETRY_HINT).replace(re.escape("{seconds}"), r"\d+"))


@dataclass(frozen=True)
class Record:
    """One request. Seconds since the run began."""

    scheduled_s: float  # when the caller wanted to send it
    sent_s: float
    ended_s: float
    outcome: str  # ANSWERED, or the code of an error
    refused: bool  # turned away without being drawn

    @property
    def latency_s(self) -> float:
        """From the scheduled moment: what a person waits who comes then."""
        return self.ended_s - self.scheduled_s


def outcome_of(message: str, seconds: float, deadline_s: float | None) -> tuple[str, bool]:
    """Return the code of an error that came after `seconds`, and whether it is a refusal.

    A refusal says when to come again, or that the deadline cannot be met, which is not yet over.
    """
    found = _CODE.search(message)
    code = NO_CODE if found is None else found[1]
    foreseen = code == ErrorCode.DEADLINE_EXCEEDED and deadline_s is not None
    in_time = deadline_s is not None and seconds < deadline_s
    return code, _RETRY_HINT.search(message) is not None or (foreseen and in_time)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(f"{json.dumps(asdict(record))}\n" for record in records))


def read_records(path: Path) -> list[Record]:
    """Return what `write_records` has written."""
    return [Record(**json.loads(line)) for line in path.read_text().splitlines()]
