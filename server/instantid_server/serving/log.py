"""Triton's log, read for the reason why a start failed, and copied for who wants to see it."""

import re
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

_LAST_LINES = 5
_MAX_REASON_CHARS = 600
_PROTOBUF = re.compile(r"Error parsing text-format inference\.ModelConfig: (?P<reason>.*)")
_UNREADABLE = re.compile(r"\"Poll failed for model directory '(?P<model>[^']+)': (?P<reason>.*)\"$")
_UNLOADABLE = re.compile(r"\"failed to load '(?P<model>[^']+)' version \d+: (?P<reason>.*)\"$")
# After this line Triton 2.51 waits for its stub for ever, instead of giving up.
_STUCK = re.compile(
    r"Failed to preinitialize Python stub: (?P<reason>.*?)(?: in )?"
    r"'\S*?/(?P<model>[^/']+)/\d+/[^/']+'"
)
_ENSEMBLE = re.compile(r"\"Invalid argument: (?P<reason>ensemble '?(?P<model>[\w]+)'? .*)\"$")


def model_failures(log: str) -> dict[str, str]:
    """Return the reason of each model that did not load, without those that only depend on it."""
    parse_errors = _PROTOBUF.findall(log)
    reasons: dict[str, str] = {}
    for line in log.splitlines():
        for pattern in (_UNREADABLE, _UNLOADABLE, _STUCK):
            if match := pattern.search(line):
                reason = match["reason"]
                if "failed to read text proto" in reason and parse_errors:
                    reason = f"config.pbtxt, line {parse_errors.pop(0)}"
                reasons.setdefault(match["model"], _readable(reason))
    if not reasons:
        reasons = {match["model"]: _readable(match["reason"]) for match in _ensembles(log)}
    return reasons


def last_lines(log: str) -> str:
    """Return the end of the log, for a failure that has no known form."""
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith(("|", "+"))]
    return "\n".join(lines[-_LAST_LINES:])


class LogEcho:
    """Copies what is new in the log to another stream each time it is asked to."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self._position = 0

    def advance(self) -> None:
        """Copy from where the last call ended."""
        with self._path.open("rb") as log:
            if log.seek(0, SEEK_END) < self._position:
                self._position = 0  # it was emptied
            log.seek(self._position)
            self._stream.write(log.read())
            self._position = log.tell()
        self._stream.flush()


def _ensembles(log: str) -> list[re.Match[str]]:
    return [match for line in log.splitlines() if (match := _ENSEMBLE.search(line))]


def _readable(reason: str) -> str:
    # Triton escapes line ends; below "At:" comes the stub's traceback.
    text = reason.split(r"\n\nAt:")[0].replace(r"\n", " ").replace(r"\"", '"')
    return text.removeprefix("Internal: ")[:_MAX_REASON_CHARS].strip()
