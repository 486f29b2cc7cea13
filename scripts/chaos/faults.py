"""The faults: what is done to a server. Each returns when the harm is over."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any, TypeAlias

from instantid_server.contract import LATE_MODELS, MODELS
from instantid_server.serving.remains import SHM
from instantid_server.serving.stubs import find_stubs
from scripts.chaos.cancels import give_up_many
from scripts.chaos.stalls import stall
from scripts.local_server import LocalServer, server_name
from scripts.steady.endings import Ended

FULL_FOR_S = 10.0  # how long a disk stays full
_CHUNK = bytes(1024 * 1024)

# Returns how the requests ended that it made itself.
Strike: TypeAlias = Callable[[LocalServer], list[Ended]]


@dataclass(frozen=True)
class Fault:
    """One kind of harm."""

    name: str
    strike: Strike
    ends_readiness: bool = True  # the server has to notice


def stub_kills(models: tuple[str, ...]) -> list[Fault]:
    """Return a fault for each model: its process is killed."""
    return [Fault(f"kill -9 {model}", _killer(model)) for model in models]


def stage_models() -> tuple[str, ...]:
    """Return the models whose loss is mended by loading them again."""
    return tuple(
        name
        for name, spec in MODELS.items()
        if spec.backend != "ensemble" and name not in LATE_MODELS
    )


def full_disks() -> list[Fault]:
    """Return the faults of full memory and temporary files; for small disks only."""
    return [
        Fault(f"{folder} is full for {FULL_FOR_S:.0f} s", _filler(folder), ends_readiness=False)
        for folder in (SHM, Path(tempfile.gettempdir()))
    ]


def cancels(request: Mapping[str, Any], count: int, seed: int) -> Fault:
    """Return requests that are given up at random moments."""

    def strike(server: LocalServer) -> list[Ended]:
        return give_up_many(server, request, count, seed)

    return Fault(f"{count} cancels", strike, ends_readiness=False)


def stalls(request: Mapping[str, Any]) -> Fault:
    """Return callers who do not read their answers."""

    def strike(server: LocalServer) -> list[Ended]:
        stall(server, request)
        return []

    return Fault("callers who do not read", strike, ends_readiness=False)


def _killer(model: str) -> Strike:
    def strike(server: LocalServer) -> list[Ended]:
        for pid, served in find_stubs(server_name(server.process.pid)).items():
            if served == model:
                os.kill(pid, signal.SIGKILL)
        return []

    return strike


def _filler(folder: Path) -> Strike:
    def strike(server: LocalServer) -> list[Ended]:
        with _filled(folder):
            sleep(FULL_FOR_S)
        return []

    return strike


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Leave no byte free until the block ends."""
    with tempfile.TemporaryFile(dir=folder) as file:
        with contextlib.suppress(OSError):  # no space left: what we want
            while True:
                os.write(file.fileno(), _CHUNK)
        yield
