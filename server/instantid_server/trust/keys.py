"""The keys folder: what signs pictures, what marks them, and who is trusted.

signing_chain.pem   the certificates of the signing key, its own first
signing_key.pem     the signing key; in its place, keys.toml may name a key service
trust_anchors.pem   whose signatures count as this server's own: of all certificates below them
timestamp_anchors.pem   whose time stamps count; needed where the policy asks for any
mark_<n>.key        keys of the pixel mark; noise_<n>.key of the initial noise, card_<n>.key of face
                    cards, template_<n>.key of face templates: 64 hexadecimal digits. The highest n
                    is in use, and what an older one made is still read.
issuers/*.toml      whose consents count; attestation.pem, the key of the issuer `self`, with which
                    the folder's owner attests. Neither has to be there.
"""

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.trust.anchors import Anchors
from instantid_server.trust.audit.checkpoint_key import (
    CheckpointKeyError,
    new_checkpoint_key,
    read_checkpoint_key,
)
from instantid_server.trust.consent.issuers import (
    ISSUERS_FOLDER,
    Issuer,
    IssuerError,
    read_issuers,
)
from instantid_server.trust.consent.self_issuer import ATTESTATION_FILE, make_self_issuer
from instantid_server.trust.private_file import is_open_to_everybody, write_private
from instantid_server.trust.signing_key import SigningKey, key_service, local_key
from instantid_server.trust.test_chain import make_chain

KEYS_VARIABLE = "INSTANTID_KEYS"  # in the environment of Triton, and thus of every stub

CHAIN_FILE = "signing_chain.pem"
SIGNING_KEY_FILE = "signing_key.pem"
SERVICE_FILE = "keys.toml"
ANCHORS_FILE = "trust_anchors.pem"
TIMESTAMP_ANCHORS_FILE = "timestamp_anchors.pem"
AUDIT_SIGNING_FILE = "audit_signing.pem"
_KINDS = ("mark", "noise", "card", "template", "audit")
_VERSIONED_FILE = re.compile(rf"({'|'.join(_KINDS)})_(\d{{1,4}})\.key")
_PRIVATE_FILES = {SIGNING_KEY_FILE, ATTESTATION_FILE, AUDIT_SIGNING_FILE}
_SECRET_BYTES = 32
_CLOCK_SKEW = timedelta(hours=1)  # a new certificate holds where clocks are late, too


class KeysError(ValueError):
    """The folder lacks a file, or one is not what it should be; its content is never told."""


@dataclass(frozen=True)
class VersionedKeys:
    """Secrets of one kind, each under the number in its file's name."""

    current: int
    by_version: Mapping[int, bytes] = field(repr=False)

    @property
    def key(self) -> bytes:
        """The secret in use."""
        return self.by_version[self.current]


@dataclass(frozen=True)
class Keys:
    """A folder that has all the files; each is read when it is first used, where it is used."""

    folder: Path

    @classmethod
    def load(cls, folder: Path) -> "Keys":
        """Return the keys of `folder`; raises KeysError unless all are there and private."""
        present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if not present:
            raise KeysError("the keys folder is missing or empty: `instantid keys init` makes one")
        if not present & {SIGNING_KEY_FILE, SERVICE_FILE}:
            raise KeysError(f"the keys folder has neither {SIGNING_KEY_FILE} nor {SERVICE_FILE}")
        if wanted := {CHAIN_FILE, ANCHORS_FILE} - present:
            raise KeysError(f"the keys folder has no {min(wanted)}")
        if absent := _absent_keys(present):
            raise KeysError(
                f"the keys folder has no {', '.join(absent)}; `instantid keys upgrade` adds what a "
                "folder of an earlier version never had"
            )
        versioned = {name for name in present if _VERSIONED_FILE.fullmatch(name)}
        for name in sorted(versioned | present & _PRIVATE_FILES):
            if is_open_to_everybody(folder / name):
                raise KeysError(f"{name} is open to everybody on this machine: chmod 600 it")
        return cls(folder)

    @classmethod
    def from_environment(cls) -> "Keys":
        """Return the keys of the server that this process belongs to; raises KeysError."""
        if KEYS_VARIABLE not in os.environ:
            raise KeysError(
                f"{KEYS_VARIABLE} is not set: start the server with `instantid serve`, which knows "
                "where the keys are"
            )
        return cls.load(Path(os.environ[KEYS_VARIABLE]))

    @cached_property
    def mark(self) -> VersionedKeys:
        """The keys of the pixel mark."""
        return self._versioned("mark")

    @cached_property
    def noise(self) -> VersionedKeys:
        """The keys of the initial noise."""
        return self._versioned("noise")

    @cached_property
    def card(self) -> VersionedKeys:
        """The keys of face cards."""
        return self._versioned("card")

    @cached_property
    def template(self) -> VersionedKeys:
        """The keys of face templates."""
        return self._versioned("template")

    @cached_property
    def issuers(self) -> Mapping[str, Issuer]:
        """Whose consents count, by the id of their key; raises KeysError."""
        try:
            return read_issuers(self.folder / ISSUERS_FOLDER)
        except IssuerError as error:
            raise KeysError(f"{ISSUERS_FOLDER}/{error}") from error

    @cached_property
    def audit(self) -> VersionedKeys:
        """The keys of codes in the audit log."""
        return self._versioned("audit")

    @cached_property
    def audit_signing(self) -> Ed25519PrivateKey:
        """What signs checkpoints of the audit log."""
        try:
            return read_checkpoint_key((self.folder / AUDIT_SIGNING_FILE).read_bytes())
        except CheckpointKeyError as error:
            raise KeysError(f"{AUDIT_SIGNING_FILE}: {error}") from error

    @cached_property
    def anchors(self) -> Anchors:
        """Whose signatures and time stamps count."""
        timestamps = self.folder / TIMESTAMP_ANCHORS_FILE
        return Anchors(
            signers=(self.folder / ANCHORS_FILE).read_text(),
            timestamps=timestamps.read_text() if timestamps.exists() else "",
        )

    @cached_property
    def signing(self) -> SigningKey:
        """What signs: the key service if one is named, else the key in the folder."""
        chain = (self.folder / CHAIN_FILE).read_text()
        try:
            if (self.folder / SERVICE_FILE).exists():
                return key_service(chain, (self.folder / SERVICE_FILE).read_text())
            return local_key(chain, (self.folder / SIGNING_KEY_FILE).read_text())
        except ValueError as error:
            raise KeysError(str(error)) from error

    def _versioned(self, kind: str) -> VersionedKeys:
        by_version = {}
        for path in self.folder.iterdir():
            match = _VERSIONED_FILE.fullmatch(path.name)
            if match is not None and match[1] == kind:
                by_version[int(match[2])] = _read_secret(path)
        return VersionedKeys(max(by_version), by_version)


def default_keys_folder() -> Path:
    """Return where the keys lie if nobody says otherwise."""
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data_home) / "instantid" / "keys"


def make_test_keys(folder: Path) -> None:
    """Fill `folder` with keys of a test chain, which nobody outside trusts.

    Raises KeysError if anything is there: keys that are gone take with them what they signed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise KeysError("the keys folder is not empty, and keys are never overwritten")
    chain = make_chain(datetime.now(UTC) - _CLOCK_SKEW)
    write_private(folder / CHAIN_FILE, chain.certificates)
    write_private(folder / SIGNING_KEY_FILE, chain.key)
    write_private(folder / ANCHORS_FILE, chain.root)
    _add_missing(folder)


def upgrade_keys(folder: Path) -> list[str]:
    """Add the keys that a folder of an earlier version lacks; return the names of their files.

    What signs pictures is never added. Raises KeysError for a folder without it.
    """
    if not (folder / CHAIN_FILE).is_file():
        raise KeysError(f"this is no keys folder: it has no {CHAIN_FILE}")
    return _add_missing(folder)


def _add_missing(folder: Path) -> list[str]:
    absent = _absent_keys(path.name for path in folder.iterdir())
    for name in absent:
        of_signing = name == AUDIT_SIGNING_FILE
        secret = new_checkpoint_key() if of_signing else f"{secrets.token_hex(_SECRET_BYTES)}\n"
        write_private(folder / name, secret)
    return absent + ([] if (folder / ISSUERS_FOLDER).exists() else make_self_issuer(folder))


def _absent_keys(names: Iterable[str]) -> list[str]:
    """Return what is not among `names`: of a kind with versions, the first file's name."""
    present = set(names)
    there = {match[1] for match in map(_VERSIONED_FILE.fullmatch, present) if match is not None}
    absent = [f"{kind}_1.key" for kind in _KINDS if kind not in there]
    return absent + sorted({AUDIT_SIGNING_FILE} - present)


def _read_secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text())
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:  # not inside `except`, whose error quotes the file
        raise KeysError(f"{path.name}: expected {2 * _SECRET_BYTES} hexadecimal digits")
    return secret
