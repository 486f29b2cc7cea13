"""The lease: one server's unique name, and the proof that its owner lives.

The proof is a lock on a file in /dev/shm, which the kernel drops with the owner, however it ends. A
process id would not do: ids are used again, and containers that share /dev/shm do not share them.
"""

import contextlib
import fcntl
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from instantid_server.serving.remains import SHM, remove_remains

_PREFIX = "instantid-"
_LOCK_SUFFIX = ".lock"


@dataclass(frozen=True)
class Lease:
    """Held from before the server's first process to after its last."""

    name: str  # instantid-<owner's pid>-<random>
    scratch: Path  # private folder
    lock_fd: int

    @property
    def desk_path(self) -> Path:
        """Where the admission desk listens."""
        return self.scratch / "desk.sock"

    @property
    def shm_prefix(self) -> str:
        """Where the names of Triton's own shared-memory files begin."""
        return f"{self.name}-"


def take_lease() -> Lease:
    """Claim a new name with its private scratch folder."""
    name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    scratch = Path(tempfile.gettempdir(), name)
    scratch.mkdir(mode=0o700)
    # Locked under another name first: a sweep must never see it unlocked.
    unlocked = SHM / f".{name}"
    lock_fd = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    os.write(lock_fd, os.fsencode(scratch))
    unlocked.rename(SHM / f"{name}{_LOCK_SUFFIX}")
    return Lease(name, scratch, lock_fd)


def release(lease: Lease) -> None:
    """Give the name back, and remove whatever still carries it."""
    remove_remains(lease.name, lease.scratch)
    os.close(lease.lock_fd)


def sweep_stale() -> list[str]:
    """Remove what servers with dead owners left; return their names."""
    swept = []
    for lock in sorted(SHM.glob(f"{_PREFIX}*{_LOCK_SUFFIX}")):
        with contextlib.suppress(OSError), lock.open("rb") as file:  # gone, or another user's
            if not _is_free(file.fileno()):
                continue
            name = lock.name.removesuffix(_LOCK_SUFFIX)
            remove_remains(name, Path(os.fsdecode(file.read())))
            swept.append(name)
    return swept


def _is_free(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
