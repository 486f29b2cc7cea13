"""The keys folder: what signs pictures, what marks them, and who is trusted.

signing_chain.pem   the certificates of the signing key, its own first
signing_key.pem     the signing key; in its place, keys.toml may name a key service
trust_anchors.pem   whose signatures count as this server's own: of all certificates below them
timestamp_anchors.pem   whose time stamps count; needed where the policy asks for any
mark_<n>.key        keys of the pixel mark, and noise_<n>.key those of the initial noise: 64
                    hexadecimal digits. The highest n is in use; all are tried when reading.
"""

import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from instantid_server.trust.anchors import Anchors
from instantid_server.trust.signing_key import SigningKey, key_service, local_key
from instantid_server.trust.test_chain import make_chain

KEYS_VARIABLE = "INSTANTID_KEYS"  # in the environment of Triton, and thus of every stub

CHAIN_FILE = "signing_chain.pem"
SIGNING_KEY_FILE = "signing_key.pem"
SERVICE_FILE = "keys.toml"
ANCHORS_FILE = "trust_anchors.pem"
TIMESTAMP_ANCHORS_FILE = "timestamp_anchors.pem"
_KINDS = frozenset({"mark", "noise"})
_VERSIONED_FILE = re.compile(r"(mark|noise)_(\d{1,4})\.key")
_SECRET_BYTES = 32
_PRIVATE = 0o600
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
        versioned = {name for name in present if _VERSIONED_FILE.fullmatch(name)}
        kinds = {name.partition("_")[0] for name in versioned}
        wanted = {CHAIN_FILE, ANCHORS_FILE} - present | {f"{kind}_1.key" for kind in _KINDS - kinds}
        if wanted:
            raise KeysError(f"the keys folder has no {min(wanted)}")
        for name in sorted(versioned | present & {SIGNING_KEY_FILE}):
            if (folder / name).stat().st_mode & stat.S_IRWXO:
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
    _write(folder / CHAIN_FILE, chain.certificates)
    _write(folder / SIGNING_KEY_FILE, chain.key)
    _write(folder / ANCHORS_FILE, chain.root)
    for kind in _KINDS:
        _write(folder / f"{kind}_1.key", f"{secrets.token_hex(_SECRET_BYTES)}\n")


def _write(path: Path, text: str) -> None:
    # Private from its first byte on, which chmod afterwards would not be.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
        file.write(text)


def _read_secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text())
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:  # not inside `except`, whose error quotes the file
        raise KeysError(f"{path.name}: expected {2 * _SECRET_BYTES} hexadecimal digits")
    return secret
