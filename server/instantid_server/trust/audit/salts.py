"""Salts of subjects: a person's code in the log can be made again only while its salt is there.

One small file each, beside the log. To erase a person is to delete that file: the records stay in
their chain, and nothing links them to the person any more.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from instantid_server.trust.keys import VersionedKeys

_SALT_BYTES = 32
_PRIVATE_FOLDER = 0o700
_PRIVATE = 0o600


def salts_folder(records: Path) -> Path:
    """Return where the salts of a log are."""
    return records.with_name(f"{records.name}.salts")


class SubjectSalts:
    """A folder of salts; nothing is kept in memory, so an erased one is gone at once."""

    def __init__(self, folder: Path, keys: VersionedKeys) -> None:
        self._folder = folder
        self._keys = keys  # without them, the files' names say of nobody that he is among them

    def code(self, subject: str) -> str:
        """Return a person's code for the log; raises OSError if its salt may not be on the disk."""
        path = self._folder / _file_name(self._keys.key, subject)
        salt = _read(path)
        if salt is None:
            salt = secrets.token_bytes(_SALT_BYTES)
            self._write(path, salt)
        return hmac.new(salt, subject.encode(), hashlib.sha256).hexdigest()

    def erase(self, subject: str) -> bool:
        """Delete a person's salt for good; tell whether there was one."""
        found = False
        for key in self._keys.by_version.values():
            path = self._folder / _file_name(key, subject)
            if path.exists():
                path.unlink()
                found = True
        if found:
            _sync_folder(self._folder)
        return found

    def _write(self, path: Path, salt: bytes) -> None:
        self._folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        new = path.with_suffix(".new")  # whole or not there, wherever a crash falls
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            file.write(salt)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync_folder(self._folder)
        _sync_folder(self._folder.parent)


def _file_name(key: bytes, subject: str) -> str:
    return hmac.new(key, b"subject\n" + subject.encode(), hashlib.sha256).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
