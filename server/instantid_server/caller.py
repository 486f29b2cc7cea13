"""On whose behalf a request runs, and until when: what comes with it beside its inputs."""

import json
import time
from dataclasses import dataclass
from typing import Any

from instantid_server.contract import (
    PRIORITY_PARAMETER,
    TENANT_PARAMETER,
    TRACE_PARAMETER,
    PriorityClass,
)
from instantid_server.errors import InvalidInput

MAX_NAME_CHARACTERS = 256  # a UUID has 36


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    request_id: str = ""  # empty: cannot be cancelled by name
    tenant: str = ""  # all who name none are one
    priority_class: PriorityClass = PriorityClass.NORMAL
    traceparent: str = ""
    deadline_s: float | None = None  # by time.monotonic; None: waits for as long as it takes

    def seconds_left(self) -> float | None:
        """Return the time until the deadline, negative after it; None: there is none."""
        return None if self.deadline_s is None else self.deadline_s - time.monotonic()


def read_caller(request_id: str, parameters: str, timeout_us: int, arrived_s: float) -> Caller:
    """Return who sent a request, from what Triton says of it; raises InvalidInput.

    `parameters` is a JSON object, or nothing; a timeout of 0 is none.
    """
    given: dict[str, Any] = json.loads(parameters) if parameters else {}
    return Caller(
        request_id=_name("request id", request_id),
        tenant=_name(TENANT_PARAMETER, given.get(TENANT_PARAMETER, "")),
        priority_class=_priority_class(given.get(PRIORITY_PARAMETER, PriorityClass.NORMAL)),
        traceparent=_name(TRACE_PARAMETER, given.get(TRACE_PARAMETER, "")),
        deadline_s=arrived_s + timeout_us / 1_000_000 if timeout_us else None,
    )


def _name(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what}: expected a text, got {type(value).__name__}")
    if len(value) > MAX_NAME_CHARACTERS:
        raise InvalidInput(
            f"{what}: expected at most {MAX_NAME_CHARACTERS} characters, got {len(value)}"
        )
    return value


def _priority_class(value: object) -> PriorityClass:
    try:
        return PriorityClass(_name(PRIORITY_PARAMETER, value))
    except ValueError as error:
        choices = ", ".join(PriorityClass)
        raise InvalidInput(
            f"{PRIORITY_PARAMETER}: expected one of {choices}; got {str(value)[:32]!r}"
        ) from error
