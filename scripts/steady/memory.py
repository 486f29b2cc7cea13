"""How much memory a server holds: each of its processes, and its files in /dev/shm."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from instantid_server.serving.remains import find_processes, find_shared_memory
from instantid_server.serving.stubs import find_stubs
from scripts.local_server import server_name

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
_SECTOR_KIB = 0.5  # the unit of st_blocks


@dataclass(frozen=True)
class MemorySample:
    """One moment, in KiB."""

    resident: Mapping[str, int]  # by process: entry, triton, and each model's
    shared: int  # what its files in /dev/shm take

    def kib(self) -> dict[str, int]:
        """Return all of it by name."""
        return {**self.resident, "/dev/shm": self.shared}


def sample_memory(entry_pid: int) -> MemorySample:
    """Return what the server of an entry process holds now."""
    name = server_name(entry_pid)
    models = find_stubs(name)
    resident = {"entry": _resident(entry_pid)}
    for pid in find_processes(name):
        resident[models.get(pid, "triton")] = _resident(pid)
    shared = sum(_allocated(path) for path in find_shared_memory(name))
    return MemorySample(resident, round(shared))


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KIB
    return 0


def _allocated(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_blocks * _SECTOR_KIB
    return 0.0
