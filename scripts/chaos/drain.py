"""The end of a server under load: SIGTERM, and what becomes of those who were drawn for."""

import contextlib
import signal
import subprocess
from dataclasses import dataclass
from time import monotonic

from scripts.local_server import LocalServer
from scripts.steady.endings import Ended
from scripts.steady.load import SteadyLoad

_ENDED_WITHIN_S = 180.0
# A request that was sent longer ago than this had been accepted, as far as its caller can tell.
_ACCEPTED_AFTER_S = 0.5


@dataclass(frozen=True)
class Drain:
    """How a server ended."""

    exit_status: int | None  # None: it had to be waited for in vain
    seconds: float
    abandoned: tuple[Ended, ...]  # accepted, and yet without a picture


def drain(server: LocalServer, load: SteadyLoad) -> Drain:
    """Tell the server to end while its callers go on."""
    told = monotonic()
    server.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(_ENDED_WITHIN_S)
    seconds = monotonic() - told
    accepted = [one for one in load.since(told) if one.began_s < told - _ACCEPTED_AFTER_S]
    abandoned = tuple(one for one in accepted if not one.is_picture)
    return Drain(server.process.poll(), seconds, abandoned)
