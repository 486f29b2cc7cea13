"""The registry: a signed list of keyed codes of protected people, without names or likenesses.

One JSON object a line: a header, the entries, and the operator's signature over all bytes before
it. The header says which template key and which recogniser the codes are of, for under others they
mean nothing, and would protect nobody without a word.
"""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray

from instantid_server.contract import EMBEDDING_SIZE
from instantid_server.trust.consent.template import (
    CODE_BYTES,
    PROTECTED_LABEL,
    TemplateError,
    Templates,
)

_FORMAT = "instantid-protected/1"  # the first bytes under the signature, which thus fits no other


class RegistryError(ValueError):
    """The registry is not the operator's, or not for this server; the text names no path."""


class Reason(StrEnum):
    """On whose word somebody is protected. A choice, for a free text would come to hold names."""

    OWN_REQUEST = "own_request"
    GUARDIAN = "guardian"
    ESTATE = "estate"
    COURT = "court"


@dataclass(frozen=True)
class Entry:
    """One protected face."""

    id: str  # random; who it is, the operator keeps elsewhere
    code: bytes = field(repr=False)
    reason: Reason
    expires: date | None = None  # the last day
    issuer: str = ""  # with the subject: whose verified consent lifts the protection
    subject: str = field(default="", repr=False)

    def to_fields(self) -> dict[str, str | None]:
        """Return the entry for its line."""
        return {
            "id": self.id,
            "code": base64.urlsafe_b64encode(self.code).decode(),
            "reason": self.reason,
            "expires": None if self.expires is None else self.expires.isoformat(),
            "issuer": self.issuer,
            "subject": self.subject,
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> "Entry":
        """Return the entry of a line; raises ValueError, KeyError or TypeError."""
        code = base64.b64decode(fields["code"], b"-_", validate=True)
        if len(code) != CODE_BYTES:
            raise ValueError("a code of another length")
        expires = fields["expires"]
        return cls(
            id=fields["id"],
            code=code,
            reason=Reason(fields["reason"]),
            expires=None if expires is None else date.fromisoformat(expires),
            issuer=fields["issuer"],
            subject=fields["subject"],
        )


@dataclass(frozen=True)
class Registry:
    """What the file says."""

    serial: int  # grows with every change
    key_version: int  # of the template key
    recogniser: str  # fingerprint of the weights whose embeddings were coded
    entries: tuple[Entry, ...] = ()

    @cached_property
    def codes(self) -> NDArray[np.uint8]:
        """The codes (entries, 128)."""
        joined = b"".join(entry.code for entry in self.entries)
        return np.frombuffer(joined, np.uint8).reshape(-1, CODE_BYTES)

    def signed(self, key: Ed25519PrivateKey) -> bytes:
        """Return the file."""
        header = {
            "format": _FORMAT,
            "serial": self.serial,
            "key_version": self.key_version,
            "recogniser": self.recogniser,
        }
        lines = [_line(header), *(_line(entry.to_fields()) for entry in self.entries)]
        body = b"".join(lines)
        signature = base64.urlsafe_b64encode(key.sign(body)).decode()
        return body + _line({"signature": signature})

    @classmethod
    def parse(cls, content: bytes, key: Ed25519PublicKey) -> "Registry":
        """Return the registry of a file that the holder of the key signed; raises RegistryError."""
        lines = content.splitlines(keepends=True)
        _check_signature(b"".join(lines[:-1]), lines[-1] if lines else b"", key)
        try:
            header, *entries = map(json.loads, lines[:-1])
            if header["format"] != _FORMAT:
                raise ValueError("another format")
            return cls(
                serial=header["serial"],
                key_version=header["key_version"],
                recogniser=header["recogniser"],
                entries=tuple(map(Entry.from_fields, entries)),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError(
                "the registry of protected people has a line that is none"
            ) from error

    def check_usable(self, templates: Templates, recogniser: str) -> None:
        """Raise RegistryError unless the codes are of these keys and this recogniser's faces."""
        if self.recogniser != recogniser:
            raise RegistryError(
                "the registry of protected people was made with another face recogniser; its "
                "people have to be added again"
            )
        nobody = np.zeros(EMBEDDING_SIZE, np.float32)
        try:  # also draws the secret projection, which the first request need not wait for
            templates.code(nobody, PROTECTED_LABEL, self.key_version)
        except TemplateError as error:
            raise RegistryError(
                "the registry of protected people was made with template key "
                f"{self.key_version}, which the keys folder does not have"
            ) from error


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _check_signature(body: bytes, last: bytes, key: Ed25519PublicKey) -> None:
    try:
        signature = base64.b64decode(json.loads(last)["signature"], b"-_", validate=True)
        key.verify(signature, body)
    except (ValueError, KeyError, TypeError, binascii.Error, InvalidSignature) as error:
        raise RegistryError(
            "the registry of protected people is not signed by the pinned key, or was changed since"
        ) from error
