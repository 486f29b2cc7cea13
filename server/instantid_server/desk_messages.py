"""What stubs and the admission desk say to each other: JSON objects, one a line."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from instantid_server.errors import InstantIDError

MAX_LINE_BYTES = 65536  # records of eight pictures, below what the socket takes at once

Message = Mapping[str, Any]


class Kind(StrEnum):
    """What a message is about; every message has it under `kind`."""

    # To the desk. A connection asks one thing; one that asked for a turn stays open with it.
    LIMITS = "limits"
    TURN = "turn"
    STEP = "step"
    CANCEL = "cancel"
    BROKEN = "broken"
    RECORD = "record"
    REFUSE = "refuse"
    USES = "uses"
    FIND = "find"
    # From the desk.
    ANSWER = "answer"
    START = "start"
    REFUSAL = "refusal"


class LineBuffer:
    """Bytes as they come in, messages as they were sent."""

    def __init__(self) -> None:
        self._received = b""

    def add(self, received: bytes) -> None:
        """Take what came; raises ValueError for a line that is too long."""
        self._received += received
        if len(self._received) > MAX_LINE_BYTES and b"\n" not in self._received:
            raise ValueError(f"expected lines of at most {MAX_LINE_BYTES} bytes")

    def take(self) -> Message | None:
        """Return the next whole message, None if there is none yet; raises ValueError."""
        line, newline, rest = self._received.partition(b"\n")
        if not newline:
            return None
        self._received = rest
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("expected a JSON object a line")
        return message


def refusal_message(error: InstantIDError) -> Message:
    """Return the message that turns a request down."""
    return {"kind": Kind.REFUSAL, "code": error.code, "message": error.message}


def encode(message: Message) -> bytes:
    """Return a message as a line."""
    return json.dumps(message).encode() + b"\n"
