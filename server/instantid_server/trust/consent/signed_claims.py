"""Signed claims: a JSON object that one of the issuers signed, as a JWT of one type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import Issuer

_ALGORITHM = "EdDSA"  # the only one: who could choose would choose "none"


class ClaimsError(ValueError):
    """Of another type, signed by nobody that counts, or without a claim that it needs.

    Its text is our own, for that of the JWT library may quote what it was given.
    """


@dataclass(frozen=True)
class ClaimsType:
    """What is expected."""

    name: str  # the header's `typ`
    required: tuple[str, ...]  # claims
    audience: str | None = None  # None: for whoever reads it


def sign_claims(claims: Mapping[str, Any], type_name: str, key: IssuerKey) -> str:
    """Return the claims as `read_claims` reads them."""
    headers = {"typ": type_name, "kid": key.key_id}
    return jwt.encode(dict(claims), key.private, algorithm=_ALGORITHM, headers=headers)


def read_claims(
    text: bytes, expected: ClaimsType, issuers: Mapping[str, Issuer]
) -> tuple[Issuer, Mapping[str, Any]]:
    """Return who signed the claims, and what they say; raises ClaimsError.

    What a claim says is the caller's to check, times too: the clock is his.
    """
    issuer = _find_issuer(text, expected, issuers)
    try:
        claims = jwt.decode(
            text,
            issuer.key,
            algorithms=[_ALGORITHM],
            audience=expected.audience,
            options={
                "require": list(expected.required),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.MissingRequiredClaimError as error:
        raise ClaimsError(f"expected the claim {error.claim}, found none") from None
    except jwt.InvalidAudienceError:
        raise ClaimsError(f"expected the audience {expected.audience}, got another") from None
    except (jwt.PyJWTError, ValueError, RecursionError):  # the latter two of JSON that is none
        raise ClaimsError(f"the signature is not that of {issuer.name}") from None
    return issuer, claims


def read_unverified(text: bytes) -> Mapping[str, Any]:
    """Return what somebody claims, for people to read; nothing may be decided by it.

    Raises ClaimsError.
    """
    try:
        claims: Mapping[str, Any] = jwt.decode(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise ClaimsError("expected a JWT") from None
    return claims


def _find_issuer(text: bytes, expected: ClaimsType, issuers: Mapping[str, Issuer]) -> Issuer:
    """Return whose key the header names. The header is not trusted: the signature comes next."""
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise ClaimsError(f"expected a JWT of the type {expected.name}") from None
    if header.get("typ") != expected.name or header.get("alg") != _ALGORITHM:
        raise ClaimsError(f"expected a JWT of the type {expected.name}, signed with {_ALGORITHM}")
    issuer = issuers.get(header.get("kid", ""))
    if issuer is None:
        raise ClaimsError("signed by nobody whose word counts here")
    return issuer
