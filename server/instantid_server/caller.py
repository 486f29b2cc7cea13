"""On whose behalf a request runs, and until when: what comes with it beside its inputs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from instantid_server.contract import (
    PRIORITY_PARAMETER,
    TENANT_PARAMETER,
    TRACE_PARAMETER,
    PriorityClass,
)
from instantid_server.errors import InvalidInput

TENANT_HEADER = "instantid-tenant"  # behind a gateway, which knows better than its callers
TENANT_VARIABLE = "INSTANTID_TENANT_FROM"  # in a stub's environment: which parameter to believe
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


def read_caller(
    request_id: str,
    parameters: Mapping[str, object],
    timeout_us: int,
    arrived_s: float,
    tenant_from: str = TENANT_PARAMETER,
) -> Caller:
    """Return who sent a request, from what Triton says of it; raises InvalidInput.

    `tenant_from` is the parameter that says the tenant; a timeout of 0 is none.
    """
    return Caller(
        request_id=_name("request id", request_id),
        tenant=_name(TENANT_PARAMETER, parameters.get(tenant_from, "")),
        priority_class=_priority_class(parameters.get(PRIORITY_PARAMETER, PriorityClass.NORMAL)),
        traceparent=_name(TRACE_PARAMETER, parameters.get(TRACE_PARAMETER, "")),
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
