"""Strikes under load, and what callers see of it and for how long."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from scripts.chaos.faults import Fault
from scripts.control_port import is_ready, seconds_until
from scripts.local_server import LocalServer
from scripts.steady.endings import Ended
from scripts.steady.load import SteadyLoad

_NOTICED_WITHIN_S = 10.0  # a dead process is to be noticed in two seconds
_READY_WITHIN_S = 180.0  # starting everything again takes a minute on a busy machine
_SERVED_WITHIN_S = 60.0


@dataclass(frozen=True)
class Aftermath:
    """What one fault did. Seconds count from the strike; None: it did not happen in time."""

    fault: str
    unready_after_s: float | None
    ready_after_s: float | None
    errors: Mapping[str, int]  # by code, among callers
    hurt_for_s: float  # until the last caller who got no picture
    served_after_s: float | None  # when every way of calling had brought a picture again


def strike(fault: Fault, server: LocalServer, load: SteadyLoad) -> tuple[Aftermath, list[Ended]]:
    """Do harm once everything works, watch until it works again; return also its own requests."""
    _await_pictures(load, monotonic())
    struck = monotonic()
    own = fault.strike(server)

    def is_unready() -> bool:
        return not is_ready(server.control_url)

    unready_s = None
    if fault.ends_readiness and seconds_until(is_unready, _NOTICED_WITHIN_S) is not None:
        unready_s = monotonic() - struck
    ready_s = None
    if seconds_until(lambda: is_ready(server.control_url), _READY_WITHIN_S) is not None:
        ready_s = monotonic() - struck
    served_s = monotonic() - struck if _await_pictures(load, monotonic()) else None
    failed = [one for one in load.since(struck) if not one.is_picture]
    aftermath = Aftermath(
        fault=fault.name,
        unready_after_s=unready_s,
        ready_after_s=ready_s,
        errors=dict(Counter(one.code or str(one.ending) for one in failed)),
        hurt_for_s=max((one.ended_s - struck for one in failed), default=0.0),
        served_after_s=served_s,
    )
    return aftermath, own


def _await_pictures(load: SteadyLoad, since_s: float) -> bool:
    """Wait until every caller has got a picture that was asked for after a moment."""

    def all_served() -> bool:
        return len({one.way for one in _pictures(load, since_s)}) == load.ways()

    return seconds_until(all_served, _SERVED_WITHIN_S) is not None


def _pictures(load: SteadyLoad, since_s: float) -> list[Ended]:
    return [one for one in load.since(since_s) if one.is_picture and one.began_s >= since_s]
