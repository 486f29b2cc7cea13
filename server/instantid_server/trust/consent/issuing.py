"""Issuing: what somebody who vouches for people signs for them."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import IssuerError
from instantid_server.trust.consent.self_issuer import ATTESTATION_FILE, SELF_ISSUER
from instantid_server.trust.consent.signed_claims import sign_claims
from instantid_server.trust.consent.token import MAX_TOKEN_BYTES, NAME, TOKEN_TYPE
from instantid_server.trust.policy import ConsentPolicy

_ATTESTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What is allowed."""

    subject: str  # a pseudonym; the issuer alone knows whose
    photo_digests: Sequence[str] = ()  # SHA-256 of the files, in hexadecimal
    templates: Sequence[str] = ()
    audience: str = ConsentPolicy.audience
    scope: str = ConsentPolicy.scope
    tenant: str | None = None  # None: whoever has the token
    max_uses: int | None = None  # None: any number of pictures
    lasts: timedelta

    def __post_init__(self) -> None:
        """Refuse what no server would take; raises IssuerError."""
        if NAME.fullmatch(self.subject) is None:
            raise IssuerError(
                "subject: expected 1 to 128 printable ASCII characters without spaces"
            )


def issue(grant: Grant, key: IssuerKey, now: datetime) -> str:
    """Return the signed token of a grant; raises IssuerError if it gets too long."""
    claims: dict[str, Any] = {
        "iss": key.name,
        "aud": grant.audience,
        "jti": uuid.uuid4().hex,
        "iat": int(now.timestamp()),
        "exp": int((now + grant.lasts).timestamp()),
        "sub": grant.subject,
        "scope": grant.scope,
    }
    optional = {
        "ref_sha256": list(grant.photo_digests),
        "tpl": list(grant.templates),
        "azp": grant.tenant,
        "max_uses": grant.max_uses,
    }
    claims |= {name: value for name, value in optional.items() if value}
    token = sign_claims(claims, TOKEN_TYPE, key)
    if len(token) > MAX_TOKEN_BYTES:
        raise IssuerError(f"a token has at most {MAX_TOKEN_BYTES} bytes: name fewer photos at once")
    return token


def attest(photo: bytes, keys_folder: Path, tenant: str | None, now: datetime) -> str:
    """Return a token by which the holder of the keys says that the person on the photo agreed.

    For this photo alone, for an hour. Raises IssuerError, or OSError where there is no key for it.
    """
    key = IssuerKey.read(SELF_ISSUER, keys_folder / ATTESTATION_FILE)
    digest = photo_digest(photo)
    grant = Grant(
        subject=f"photo-{digest[:16]}", photo_digests=[digest], tenant=tenant, lasts=_ATTESTED_FOR
    )
    return issue(grant, key, now)


def photo_digest(photo: bytes) -> str:
    """Return what a token calls a photo."""
    return hashlib.sha256(photo).hexdigest()
