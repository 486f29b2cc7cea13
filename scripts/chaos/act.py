"""An act: one server from its start to its end, the faults that it meets, and what went wrong."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from scripts.chaos.drain import Drain, drain
from scripts.chaos.faults import Fault
from scripts.chaos.watching import Aftermath, strike
from scripts.control_port import is_ready, requests_in_server, seconds_until
from scripts.local_server import LocalServer, local_server
from scripts.steady.endings import Ended, violations
from scripts.steady.load import SteadyLoad
from scripts.steady.pictures import KnownPicture

_IDLE_WITHIN_S = 10.0  # of the last answer: a place that is still held then has leaked


@dataclass(frozen=True)
class Act:
    """What happened; plain enough to be written as JSON."""

    aftermaths: tuple[Aftermath, ...]
    endings: Mapping[str, int]  # requests by ending
    drained_in_s: float
    wrongs: tuple[str, ...]  # what must not happen, in words

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Return the act that `to_json` wrote."""
        aftermaths = tuple(Aftermath(**aftermath) for aftermath in document["aftermaths"])
        return cls(**{**document, "aftermaths": aftermaths, "wrongs": tuple(document["wrongs"])})


def play(faults: Iterable[Fault], pictures: Sequence[KnownPicture]) -> Act:
    """Start a server, let the faults come one after the other, then tell it to end."""
    with local_server() as server:
        aftermaths, ended = _strike_all(faults, server, pictures)
        wrongs = _wrongs_at_rest(server)
        with SteadyLoad(server.grpc_url, server.http_url, pictures) as load:
            seconds_until(lambda: len(load.ended) >= load.ways(), _IDLE_WITHIN_S)
            end = drain(server, load)
    ended += load.ended
    wrongs += [one.in_words() for one in violations(ended)]
    wrongs += [f"{one.fault}: not ready again" for one in aftermaths if one.ready_after_s is None]
    return Act(
        aftermaths=tuple(aftermaths),
        endings=dict(Counter(str(one.ending) for one in ended)),
        drained_in_s=end.seconds,
        wrongs=(*wrongs, *_wrongs_of_drain(end)),
    )


def _strike_all(
    faults: Iterable[Fault], server: LocalServer, pictures: Sequence[KnownPicture]
) -> tuple[list[Aftermath], list[Ended]]:
    aftermaths, ended = [], []
    with SteadyLoad(server.grpc_url, server.http_url, pictures) as load:
        for fault in faults:
            print(f"-- {fault.name}", flush=True)
            aftermath, own = strike(fault, server, load)
            aftermaths.append(aftermath)
            ended += own
    return aftermaths, ended + load.ended


def _wrongs_at_rest(server: LocalServer) -> list[str]:
    """Return what is wrong with a server that nobody calls any more."""
    wrongs = []
    if not is_ready(server.control_url):
        wrongs.append("the server is not ready at the end")
    if seconds_until(lambda: requests_in_server(server.control_url) == 0, _IDLE_WITHIN_S) is None:
        wrongs.append(f"{requests_in_server(server.control_url)} places are held by nobody")
    return wrongs


def _wrongs_of_drain(end: Drain) -> list[str]:
    wrongs = [f"SIGTERM: accepted, but {one.in_words()}" for one in end.abandoned]
    if end.exit_status != 0:
        wrongs.append(f"SIGTERM: exit status {end.exit_status}")
    return wrongs
