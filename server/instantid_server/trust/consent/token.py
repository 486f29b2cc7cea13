"""A consent token: what a person allowed, of which photos, for whom and until when.

A JWT of an issuer, signed with Ed25519. Beside the registered claims:

ref_sha256   SHA-256 of each photo, as the file is, in hexadecimal
tpl          templates of a face, as `enroll` gives them; this or the former, or both
scope        words, what the pictures may be made for
azp          the one tenant who may use it; without it, any
max_uses     how many pictures may be made; without it, any number
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instantid_server.errors import ConsentExpired, ConsentInvalid
from instantid_server.trust.consent.issuers import Issuer
from instantid_server.trust.consent.signed_claims import ClaimsError, ClaimsType, read_claims

TOKEN_TYPE = "consent+jwt"
MAX_TOKEN_BYTES = 16 * 1024  # about 170 photos
CLOCK_SKEW_S = 60  # how far an issuer's clock may be ahead of ours
DAY_S = 24 * 60 * 60
NAME = re.compile(r"[\x21-\x7e]{1,128}")  # of a consent or a person; goes into records

_REQUIRED = ("iss", "aud", "jti", "iat", "exp", "sub", "scope")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEMPLATE = re.compile(r"[A-Za-z0-9_-]{1,1024}")


@dataclass(frozen=True)
class ConsentToken:
    """A token whose signature and times are good."""

    consent_id: str  # `jti`
    issuer: Issuer
    subject: str = field(repr=False)  # a pseudonym that the issuer can resolve
    photo_digests: frozenset[str] = field(repr=False)
    templates: tuple[str, ...] = field(repr=False)
    scopes: frozenset[str]
    tenant: str | None  # None: any
    max_uses: int | None  # None: any number
    issued_s: int  # seconds since 1970, as `expires_s`
    expires_s: int


@dataclass(frozen=True)
class TokenRules:
    """What this server asks of every token."""

    issuers: Mapping[str, Issuer]  # by the id of their key
    audience: str
    max_days: int  # of every issuer who has a limit at all


def read_token(text: bytes, rules: TokenRules, now_s: float) -> ConsentToken:
    """Return a token that is good at `now_s`; raises ConsentInvalid or ConsentExpired."""
    if len(text) > MAX_TOKEN_BYTES:
        raise _invalid(f"expected at most {MAX_TOKEN_BYTES} bytes, got {len(text)}")
    try:
        issuer, claims = read_claims(
            text, ClaimsType(TOKEN_TYPE, _REQUIRED, rules.audience), rules.issuers
        )
    except ClaimsError as error:
        raise _invalid(str(error)) from None
    if claims["iss"] != issuer.name:
        raise _invalid(f"expected the issuer {issuer.name}, whose key it is, got another")
    token = _read_claims(claims, issuer)
    _check_times(token, _whole_number(claims, "nbf", token.issued_s), rules.max_days, now_s)
    return token


def _read_claims(claims: Mapping[str, Any], issuer: Issuer) -> ConsentToken:
    token = ConsentToken(
        consent_id=_name(claims, "jti"),
        issuer=issuer,
        subject=_name(claims, "sub"),
        photo_digests=frozenset(_texts(claims, "ref_sha256", _DIGEST)),
        templates=_texts(claims, "tpl", _TEMPLATE),
        scopes=_scopes(claims["scope"]),
        tenant=_tenant(claims),
        max_uses=_whole_number(claims, "max_uses", 1) if "max_uses" in claims else None,
        issued_s=_whole_number(claims, "iat"),
        expires_s=_whole_number(claims, "exp"),
    )
    if not token.photo_digests and not token.templates:
        raise _invalid("expected ref_sha256 or tpl, which say whose consent it is; found neither")
    if token.templates and issuer.photos_only:
        raise _invalid(f"expected of the issuer {issuer.name} consents to photos alone, got tpl")
    return token


def _check_times(token: ConsentToken, starts_s: int, max_days: int, now_s: float) -> None:
    if max(token.issued_s, starts_s) > now_s + CLOCK_SKEW_S:
        raise ConsentExpired("consent_token: not in force yet, by this server's clock")
    if token.expires_s <= now_s:
        raise ConsentExpired("consent_token: it has expired; ask for a new one")
    if token.issuer.max_days is None:
        return
    days = min(token.issuer.max_days, max_days)
    if token.expires_s - token.issued_s > days * DAY_S:
        raise _invalid(f"expected a consent that lasts at most {days} days, got a longer one")


def _name(claims: Mapping[str, Any], claim: str) -> str:
    value = claims[claim]
    if not isinstance(value, str) or NAME.fullmatch(value) is None:
        raise _invalid(f"{claim}: expected 1 to 128 printable ASCII characters without spaces")
    return value


def _tenant(claims: Mapping[str, Any]) -> str | None:
    tenant = claims.get("azp")
    if tenant is not None and not isinstance(tenant, str):
        raise _invalid("azp: expected a tenant's name")
    return tenant


def _whole_number(claims: Mapping[str, Any], claim: str, default: int = 0) -> int:
    value = claims.get(claim, default)
    if type(value) is not int or value < 1:  # NaN, which JSON may hold, is below no clock
        raise _invalid(f"{claim}: expected a whole number above 0")
    return value


def _texts(claims: Mapping[str, Any], claim: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    values = claims.get(claim, [])
    if not isinstance(values, list):
        raise _invalid(f"{claim}: expected a list")
    for value in values:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise _invalid(f"{claim}: expected a list of {pattern.pattern}")
    return tuple(values)


def _scopes(value: object) -> frozenset[str]:
    if not isinstance(value, str):
        raise _invalid("scope: expected words with spaces between them")
    return frozenset(value.split())


def _invalid(reason: str) -> ConsentInvalid:
    return ConsentInvalid(f"consent_token: {reason}")
