"""The audit log's released pictures, read by those who do not write it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from instantid_server.trust.audit.decision import DecisionKind
from instantid_server.trust.picture_record import PictureRecord


class RecordFileError(ValueError):
    """A line of the file is no record."""


def default_records_path() -> Path:
    """Return where records are kept unless the operator says otherwise, by the XDG convention."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "instantid", "records.jsonl")


def read_records(path: Path) -> Iterator[PictureRecord]:
    """Yield the pictures of a log that a server may be writing meanwhile.

    Whether the log was changed is not looked at. Raises RecordFileError for a line that is no
    record, but for a last one that is still being written.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            picture = _read_picture(line, f"line {number} of {path}")
            if picture is not None:
                yield picture


def _read_picture(line: bytes, place: str) -> PictureRecord | None:
    try:
        fields = json.loads(line)
        released = fields["kind"] == DecisionKind.RELEASED
        return PictureRecord.from_fields(fields) if released else None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordFileError(f"{place} is no record") from error
