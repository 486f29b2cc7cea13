"""The operator's hand on the registry: every change is signed, counted, and replaces the file."""

import os
import secrets
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from instantid_server.trust.consent.template import PROTECTED_LABEL, Templates
from instantid_server.trust.keys import Keys
from instantid_server.trust.private_file import write_private
from instantid_server.trust.protected.registry import Entry, Reason, Registry, RegistryError
from instantid_server.trust.protected.registry_key import (
    PIN_FILE,
    pin_text,
    private_text,
    read_private,
)

_ID_BYTES = 8


@dataclass(frozen=True)
class Protection:
    """Why and until when somebody is protected, and whose own consent lifts it."""

    reason: Reason
    expires: date | None = None
    issuer: str = ""
    subject: str = ""


class RegistryEditor:
    """Changes a registry with its private key, which the server never sees."""

    def __init__(self, path: Path, key: Ed25519PrivateKey, registry: Registry) -> None:
        self._path = path
        self._key = key
        self.registry = registry

    @classmethod
    def create(cls, path: Path, key_path: Path, keys: Keys, recogniser: str) -> "RegistryEditor":
        """Make a key, pin its public half in the keys folder, and write an empty registry.

        Raises FileExistsError if one of the three is there.
        """
        key = Ed25519PrivateKey.generate()
        pin = keys.folder / PIN_FILE
        for made in (path, pin):
            if made.exists():
                raise FileExistsError(None, "is there, and is never overwritten", str(made))
        write_private(key_path, private_text(key))
        pin.write_text(pin_text(key))
        editor = cls(path, key, Registry(0, keys.template.current, recogniser))
        editor._write(editor.registry)
        return editor

    @classmethod
    def open(cls, path: Path, key_path: Path) -> "RegistryEditor":
        """Return the editor of a registry; raises RegistryError, or OSError without the files."""
        key = read_private(key_path)
        return cls(path, key, Registry.parse(path.read_bytes(), key.public_key()))

    def add(
        self, embedding: NDArray[np.float32], protection: Protection, templates: Templates
    ) -> Entry:
        """Protect the face of a raw embedding; return the entry."""
        code = templates.code(embedding, PROTECTED_LABEL, self.registry.key_version)
        entry = Entry(
            id=secrets.token_hex(_ID_BYTES),
            code=code.tobytes(),
            reason=protection.reason,
            expires=protection.expires,
            issuer=protection.issuer,
            subject=protection.subject,
        )
        self._write(replace(self.registry, entries=(*self.registry.entries, entry)))
        return entry

    def remove(self, entry_id: str) -> None:
        """Take an entry out; raises RegistryError if there is none of that id."""
        kept = tuple(entry for entry in self.registry.entries if entry.id != entry_id)
        if len(kept) == len(self.registry.entries):
            raise RegistryError(f"{entry_id}: nobody of that id is protected")
        self._write(replace(self.registry, entries=kept))

    def _write(self, changed: Registry) -> None:
        changed = replace(changed, serial=self.registry.serial + 1)
        part = self._path.with_name(f"{self._path.name}.part")
        part.write_bytes(changed.signed(self._key))
        os.replace(part, self._path)  # a server that reads meanwhile sees one or the other
        self.registry = changed
