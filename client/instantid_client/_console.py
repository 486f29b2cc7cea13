"""What the command line writes: answers on stdout, everything for eyes only on stderr."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from instantid_client._errors import InstantIDError


class UsageError(Exception):
    """Raised for a command line that cannot mean anything; exit code 2."""


@dataclass(frozen=True)
class Console:
    """The two streams of a command."""

    stdout: TextIO
    stderr: TextIO

    def answer(self, line: str) -> None:
        """Write a line that a script may read."""
        self.stdout.write(f"{line}\n")

    def answer_json(self, answer: Mapping[str, object]) -> None:
        """Write the one JSON object of `--json`."""
        self.answer(json.dumps(answer, ensure_ascii=False, allow_nan=False))

    def tell(self, message: str) -> None:
        """Write a message on one line, however it came."""
        self.stderr.write(f"instantid: {' '.join(message.split())}\n")


def error_json(error: InstantIDError) -> dict[str, str]:
    """Return an error as `--json` tells it."""
    return {"code": str(error.code), "message": error.message}
