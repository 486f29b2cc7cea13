"""The issuers: whose word on consent counts here, each on a page of its own in the keys folder.

issuers/<anything>.toml
    name = "studio"            # the tokens' `iss`; a second page of that name has its next key
    public_key = "..."         # Ed25519, PEM or the 32 bytes in base64
    level = "verified"         # or "self_attested": what their word is worth
    max_days = 30              # the longest that a consent of theirs may last
"""

import base64
import binascii
import hashlib
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from instantid_server.contract import ConsentLevel

ISSUERS_FOLDER = "issuers"
DEMO_ISSUER = "demo"  # built in, see demo.py
ISSUER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")

_KEY_ID_DIGITS = 16
_LEVELS = (ConsentLevel.VERIFIED, ConsentLevel.SELF_ATTESTED)


class IssuerError(ValueError):
    """A page is none, or two of them contradict each other."""


@dataclass(frozen=True)
class Issuer:
    """Somebody who signs consents."""

    name: str
    key: Ed25519PublicKey = field(repr=False)
    level: ConsentLevel
    max_days: int | None  # None: consents may last for ever
    photos_only: bool = False  # a template of a face would let them consent for strangers


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return what tokens call a key in their header."""
    return hashlib.sha256(raw_bytes_of(key)).hexdigest()[:_KEY_ID_DIGITS]


def raw_bytes_of(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def read_issuers(folder: Path) -> Mapping[str, Issuer]:
    """Return the issuers of the pages in `folder` by their key's id; raises IssuerError."""
    issuers: dict[str, Issuer] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.stat().st_mode & stat.S_IWOTH:
            raise IssuerError(f"{path.name}: everybody on this machine could write it: chmod o-w")
        issuer = _read_page(path)
        key_id = key_id_of(issuer.key)
        if key_id in issuers:
            raise IssuerError(f"{path.name}: another page has the same public_key")
        issuers[key_id] = issuer
    return issuers


def read_public_key(text: str) -> Ed25519PublicKey:
    """Return a public key in PEM or base64; raises ValueError."""
    try:
        if "BEGIN" not in text:
            return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
        key = load_pem_public_key(text.encode())
    except binascii.Error as error:
        raise ValueError("neither PEM nor base64") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key


def _read_page(path: Path) -> Issuer:
    try:
        page = tomllib.loads(path.read_text())
        return _read_issuer(page)
    except (ValueError, KeyError, TypeError) as error:
        raise IssuerError(
            f"{path.name}: expected name, public_key (Ed25519), level (verified or self_attested) "
            "and max_days"
        ) from error


def _read_issuer(page: Mapping[str, Any]) -> Issuer:
    name, days = page["name"], page["max_days"]
    if ISSUER_NAME.fullmatch(name) is None or name == DEMO_ISSUER:
        raise ValueError("name")
    if type(days) is not int or days < 1:
        raise ValueError("max_days")
    if page.keys() != {"name", "public_key", "level", "max_days"}:
        raise ValueError("unknown names")
    level = ConsentLevel(page["level"])
    if level not in _LEVELS:
        raise ValueError("level")
    return Issuer(name, read_public_key(page["public_key"]), level, days)
