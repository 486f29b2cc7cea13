"""The file of records, read by those who do not write it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from instantid_server.trust.picture_record import PictureRecord


class RecordFileError(ValueError):
    """A line of the file is no record."""


def default_records_path() -> Path:
    """Return where records are kept unless the operator says otherwise, by the XDG convention."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "instantid", "records.jsonl")


def read_records(path: Path) -> Iterator[PictureRecord]:
    """Yield the records of a file that a server may be writing meanwhile.

    Raises RecordFileError for a line that is none, but for a last one that is still being written.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            yield read_record(line, f"line {number} of {path}")


def read_record(line: bytes, place: str) -> PictureRecord:
    """Return the record of one line, which is at `place`; raises RecordFileError."""
    try:
        return PictureRecord.from_fields(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordFileError(f"{place} is no record") from error
