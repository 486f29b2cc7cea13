"""The remains of a server: its processes, its files in /dev/shm, its scratch folder.

All of them carry the server's unique name: Triton and every stub on the command line, the others as
file name. So they can be told from those of any other server, whoever started it.
"""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

SHM = Path("/dev/shm")
_KILL_PATIENCE_S = 10.0  # a process that writes a core or waits for a disk takes its time
_KILL_POLL_S = 0.02


def find_processes(name: str) -> list[int]:
    """Return the ids of all processes with `name` on their command line, this one left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile, or is somebody else's
            if name.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def kill_processes(name: str) -> None:
    """Kill every process of `name`, and those that they start meanwhile, and wait for the end."""
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while time.monotonic() < deadline:
        pids = find_processes(name)
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_KILL_POLL_S)


def find_shared_memory(name: str) -> list[Path]:
    """Return the files of `name` in /dev/shm."""
    return sorted(path for path in SHM.iterdir() if path.name.startswith(name))


def remove_remains(name: str, scratch: Path) -> None:
    """Remove all that a server of this name has left; what is gone already is no error."""
    kill_processes(name)
    if scratch.name == name:  # a lock file's text decides what is deleted: believe only this much
        shutil.rmtree(scratch, ignore_errors=True)
    for path in find_shared_memory(name):
        path.unlink(missing_ok=True)
