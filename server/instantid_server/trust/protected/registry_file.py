"""The registry's file under a running server: read again when it changes, and never backwards."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from instantid_server.errors import PolicyUnavailable
from instantid_server.trust.protected.registry import Registry, RegistryError

logger = logging.getLogger(__name__)

_Stamp: TypeAlias = tuple[int, int, int]


class RegistryFile:
    """The latest registry of a path. Any thread may ask."""

    def __init__(self, path: Path, parse: Callable[[bytes], Registry]) -> None:
        """Read it; raises RegistryError. `parse` says what is accepted."""
        self._path = path
        self._parse = parse
        self._lock = threading.Lock()
        self._serial = 0
        try:
            self._stamp = _stamp(path)
            self._registry: Registry | None = self._read()
        except OSError as error:
            raise RegistryError(
                f"the registry of protected people cannot be read: {error.strerror}"
            ) from error

    def current(self) -> Registry:
        """Return it; raises PolicyUnavailable while the file is gone or not accepted."""
        with self._lock:
            try:
                stamp = _stamp(self._path)
                if stamp != self._stamp:
                    # The stamp is older than what is read, so no change is missed.
                    self._stamp, self._registry = stamp, None
                    self._registry = self._read()
            except RegistryError as error:
                logger.error("%s", error)
            except OSError as error:
                self._registry, self._stamp = None, _NO_FILE
                logger.error("the registry of protected people cannot be read: %s", error.strerror)
            if self._registry is None:
                raise PolicyUnavailable(
                    "the registry of protected people cannot be read, so nobody is drawn"
                )
            return self._registry

    def _read(self) -> Registry:
        registry = self._parse(self._path.read_bytes())
        if registry.serial < self._serial:
            raise RegistryError(
                f"the registry of protected people is an old one: number {registry.serial} "
                f"after {self._serial}"
            )
        self._serial = registry.serial
        return registry


_NO_FILE: _Stamp = (0, 0, 0)


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size
