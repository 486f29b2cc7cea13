"""What token attacks aim at: a gate, two issuers whose word it takes, and a clock of our own."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from instantid_server.contract import ConsentLevel
from instantid_server.trust.consent.gate import Consent, ConsentGate
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import ISSUERS_FOLDER
from instantid_server.trust.consent.issuing import Grant, issue, photo_digest
from instantid_server.trust.consent.self_issuer import ATTESTATION_FILE, SELF_ISSUER
from instantid_server.trust.consent.token import TOKEN_TYPE
from instantid_server.trust.keys import Keys, make_test_keys
from instantid_server.trust.policy import ConsentPolicy

PHOTO, ANOTHER_PHOTO = b"a photo of one person", b"a photo of another person"
TENANT = "studio-a"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MAX_DAYS = 30
_PAGE = "studio.toml"


class Target:
    """A server's gate in `folder`; its clock is `now`, which an attack may turn."""

    def __init__(self, folder: Path, policy: ConsentPolicy | None = None) -> None:
        self.now = NOW
        self.issuer = IssuerKey.new("studio")
        if not folder.exists():
            make_test_keys(folder)
        page = self.issuer.to_page(ConsentLevel.VERIFIED, MAX_DAYS)
        (folder / ISSUERS_FOLDER / _PAGE).write_text(page)
        self.keys = Keys.load(folder)
        self.attester = IssuerKey.read(SELF_ISSUER, folder / ATTESTATION_FILE)
        policy = ConsentPolicy() if policy is None else policy
        self.gate = ConsentGate.load(policy, self.keys, lambda: self.now.timestamp())

    def grant(self, **changes: Any) -> Grant:
        """Return what the person on `PHOTO` allows, with `changes`."""
        given = Grant(
            subject="person-1",
            photo_digests=[photo_digest(PHOTO)],
            tenant=TENANT,
            lasts=timedelta(days=7),
        )
        return replace(given, **changes)

    def token(self, **changes: Any) -> str:
        """Return the issuer's token of such a grant."""
        return issue(self.grant(**changes), self.issuer, NOW)

    def claims(self) -> dict[str, Any]:
        """Return the claims of a good token."""
        claims: dict[str, Any] = jwt.decode(self.token(), options={"verify_signature": False})
        return claims

    def sign(self, claims: Mapping[str, Any], token_type: str = TOKEN_TYPE) -> str:
        """Return claims as the issuer would sign them who signs anything."""
        header = self.header(typ=token_type)
        return jwt.encode(
            dict(claims),
            self.issuer.private,
            header["alg"],
            {"typ": token_type, "kid": header["kid"]},
        )

    def header(self, **changes: Any) -> dict[str, Any]:
        """Return the header of the issuer's tokens, with `changes`."""
        return {"alg": "EdDSA", "typ": TOKEN_TYPE, "kid": self.issuer.key_id, **changes}

    def use(self, token: str, photo: bytes = PHOTO, tenant: str = TENANT) -> Consent:
        """Pass the gate, or raise why not."""
        return self.gate.check(token.encode(), photo, tenant)


def encoded_part(part: Mapping[str, Any] | bytes) -> str:
    """Return a part of a JWT."""
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
