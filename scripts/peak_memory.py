"""How much memory the processes that a script has started take at most, all together."""

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_PERIOD_S = 1.0
_GIB_KIB = 1024**2


@dataclass(frozen=True)
class Memory:
    """One moment, in GiB; a page that processes share counts once."""

    own: float = 0.0  # what only a swap could take away
    mapped: float = 0.0  # of files: weights that the kernel may drop and read again


class PeakMemory:
    """Watches every process below this one for as long as its block runs."""

    def __init__(self) -> None:
        self.peak = Memory()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Watch no longer."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_PERIOD_S):
            now = memory_below(os.getpid())
            self.peak = Memory(max(self.peak.own, now.own), max(self.peak.mapped, now.mapped))


def memory_below(pid: int) -> Memory:
    """Return what the descendants of a process hold now."""
    totals = {"Pss_Anon": 0, "Pss_Shmem": 0, "Pss_File": 0}
    for child in _descendants(pid):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for line in Path(f"/proc/{child}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in totals:
                    totals[name] += int(rest.split()[0])
    own = totals["Pss_Anon"] + totals["Pss_Shmem"]
    return Memory(own / _GIB_KIB, totals["Pss_File"] / _GIB_KIB)


def _descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found
