"""Decisions: what is put on record of a request that was answered with pictures or refused.

Nothing of a face, a prompt's text or a token has a place here. A released picture has a record of
its own, `PictureRecord`; what both kinds say of their request is a `RequestNote`.
"""

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from instantid_server.contract import ConsentLevel
from instantid_server.errors import InstantIDError, RefusedPolicy

RECORD_ID_BYTES = 16


class DecisionKind(StrEnum):
    """How a request ended."""

    RELEASED = "released"
    REFUSED = "refused"


@dataclass(frozen=True)
class ConsentNote:
    """Whose word a request had; nothing that a signature did not vouch for."""

    level: ConsentLevel
    consent_id: str = ""  # the token's own; empty: there was none
    issuer: str = ""
    subject: str = ""  # a pseudonym on the way to the log, in the log a code of it
    max_uses: int | None = None  # pictures; None: no limit

    def to_fields(self) -> dict[str, Any]:
        """Return the note for a message or a line."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: dict[str, Any]) -> "ConsentNote":
        """Return the note of a message or a line; raises KeyError, TypeError or ValueError."""
        return cls(**{**values, "level": ConsentLevel(values["level"])})


@dataclass(frozen=True)
class RequestNote:
    """What every decision says of its request."""

    request_id: str
    prompt: str  # its code; empty: the request was refused before anybody read it
    consent: ConsentNote

    def with_subject(self, subject: str) -> "RequestNote":
        """Return the note with another name for the person."""
        return replace(self, consent=replace(self.consent, subject=subject))

    def to_fields(self) -> dict[str, Any]:
        """Return the note for a message or a line."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: dict[str, Any]) -> "RequestNote":
        """Return the note of a message or a line; raises KeyError, TypeError or ValueError."""
        consent = ConsentNote.from_fields(values["consent"])
        return cls(str(values["request_id"]), str(values["prompt"]), consent)


@dataclass(frozen=True)
class RefusalRecord:
    """A request that was refused."""

    record_id: str  # 32 hexadecimal digits, random
    time: str  # ISO 8601, UTC
    tenant: str
    policy: str  # digest of the policy in force
    code: str  # what the caller was told
    reason: str  # what the caller was not told: a category, for the operator

    @classmethod
    def of(cls, error: InstantIDError, tenant: str, policy: str) -> "RefusalRecord":
        """Return the record of a refusal that is about to be answered."""
        return cls(
            record_id=new_record_id(),
            time=timestamp(),
            tenant=tenant,
            policy=policy,
            code=error.code,
            reason=error.reason if isinstance(error, RefusedPolicy) else "",
        )

    def to_fields(self) -> dict[str, Any]:
        """Return the record for a message or a line."""
        return asdict(self)


def new_record_id() -> str:
    """Return an id that says nothing."""
    return secrets.token_hex(RECORD_ID_BYTES)


def timestamp() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
