"""Revocations: a signed list of the consents, and of the people, that are not to be used any more.

A JWT of an issuer whose consents are verified; any of them takes back anybody's. It has to be
signed anew within the policy's hours even if nothing is added: from a list that somebody holds
back, nobody could tell what is missing.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from instantid_server.contract import ConsentLevel
from instantid_server.errors import ConsentRevoked, PolicyUnavailable
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import Issuer
from instantid_server.trust.consent.signed_claims import (
    ClaimsError,
    ClaimsType,
    read_claims,
    sign_claims,
)
from instantid_server.trust.consent.token import CLOCK_SKEW_S, ConsentToken

_LIST = ClaimsType("consent-revocations+jwt", ("iat", "revoked"))
_READABLE = 0o644


@dataclass(frozen=True)
class RevocationList:
    """What a list says."""

    issued_s: int  # seconds since 1970
    revoked: frozenset[str]  # ids of consents, and subjects


@dataclass(frozen=True)
class _Reading:
    stamp: tuple[int, int, int]  # of the file as it was read
    content: RevocationList


class Revocations:
    """The list in force; any thread may ask."""

    def __init__(self, path: Path, issuers: Mapping[str, Issuer], max_age_s: float) -> None:
        self._path = path
        self._issuers = issuers
        self._max_age_s = max_age_s
        self._reading: _Reading | None = None
        self._newest_s = 0  # of all lists that were in force

    def check(self, token: ConsentToken, now_s: float) -> None:
        """Raise ConsentRevoked if the token is on the list, PolicyUnavailable without a fresh one.

        Looks at the file each time, and reads it where it changed.
        """
        revoked = self._current()
        age_s = now_s - revoked.issued_s
        if not -CLOCK_SKEW_S <= age_s <= self._max_age_s:
            raise PolicyUnavailable("the list of revoked consents is too old, or of the future")
        if revoked.issued_s < self._newest_s:
            raise PolicyUnavailable("the list of revoked consents is older than the one before it")
        self._newest_s = revoked.issued_s
        if {token.consent_id, token.subject} & revoked.revoked:
            raise ConsentRevoked("consent_token: the consent was taken back")

    def _current(self) -> RevocationList:
        before = self._reading
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            if before is not None and before.stamp == stamp:
                return before.content
            content = read_list(self._path.read_bytes(), self._issuers)
        except (OSError, ClaimsError) as error:
            raise PolicyUnavailable(
                "the list of revoked consents is missing, or not signed as it has to be"
            ) from error
        self._reading = _Reading(stamp, content)
        return content


def read_list(text: bytes, issuers: Mapping[str, Issuer]) -> RevocationList:
    """Return what a list says; raises ClaimsError."""
    issuer, claims = read_claims(text.strip(), _LIST, issuers)
    if issuer.level is not ConsentLevel.VERIFIED:
        raise ClaimsError(f"the issuer {issuer.name} does not verify, and so may not revoke")
    issued_s, revoked = claims["iat"], claims["revoked"]
    if type(issued_s) is not int or not isinstance(revoked, list):
        raise ClaimsError("expected a time, and a list of what is revoked")
    return RevocationList(issued_s, frozenset(map(str, revoked)))


def extend_list(
    path: Path, revoked: Iterable[str], key: IssuerKey, now: datetime
) -> frozenset[str]:
    """Add to the list in `path`, which need not be there, and sign it anew; return all of it.

    Raises ClaimsError for a list that somebody else signed.
    """
    author = Issuer(key.name, key.private.public_key(), ConsentLevel.VERIFIED, None)
    before = read_list(path.read_bytes(), {key.key_id: author}).revoked if path.exists() else ()
    everything = frozenset(before) | frozenset(revoked)
    claims = {"iat": int(now.timestamp()), "revoked": sorted(everything)}
    _replace(path, sign_claims(claims, _LIST.name, key))
    return everything


def _replace(path: Path, text: str) -> None:
    """Put a file in the place of another one, whole at every moment."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, _READABLE)
    os.replace(file.name, path)
