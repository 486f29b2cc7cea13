"""An issuer's key: the private half, which signs and never leaves whoever vouches for people."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from instantid_server.contract import ConsentLevel
from instantid_server.trust.consent.issuers import (
    ISSUER_NAME,
    IssuerError,
    key_id_of,
    raw_bytes_of,
)
from instantid_server.trust.private_file import is_open_to_everybody


@dataclass(frozen=True)
class IssuerKey:
    """A private key, and the name it signs in."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that no page could have."""
        if ISSUER_NAME.fullmatch(self.name) is None:
            raise IssuerError("an issuer's name: expected letters, digits and any of . _ : / -")

    @classmethod
    def new(cls, name: str) -> "IssuerKey":
        """Return a key that nobody has yet; raises IssuerError."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, name: str, path: Path) -> "IssuerKey":
        """Return the key of a PEM file; raises IssuerError, or OSError without a file."""
        if is_open_to_everybody(path):
            raise IssuerError(f"{path.name} is open to everybody on this machine: chmod 600 it")
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError):  # TypeError: it has a passphrase; the causes may quote it
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise IssuerError(
                f"{path.name}: expected an Ed25519 private key in PEM, without passphrase"
            )
        return cls(name, private)

    @property
    def key_id(self) -> str:
        """What the header of a token calls the key."""
        return key_id_of(self.private.public_key())

    def to_pem(self) -> str:
        """Return the private half."""
        pem = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem.decode()

    def public_text(self) -> str:
        """Return the public half in base64."""
        return base64.b64encode(raw_bytes_of(self.private.public_key())).decode()

    def to_page(self, level: ConsentLevel, max_days: int) -> str:
        """Return the page by which a server trusts this issuer."""
        return (
            f'name = "{self.name}"\n'
            f'public_key = "{self.public_text()}"\n'
            f'level = "{level}"\n'
            f"max_days = {max_days}\n"
        )
