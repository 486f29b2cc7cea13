"""Many clients on one server: closed loops, then arrivals at rates up to capacity and beyond."""

from collections.abc import Iterator
from dataclasses import dataclass

from instantid_server.contract import INSTANTID, MODELS
from scripts.load.callers import Calls, make_calls
from scripts.load.effort import Effort
from scripts.load.figures import GOODPUT_FACTORS, Figures, read_figures
from scripts.local_server import LocalServer
from scripts.triton_metrics import StageCounters, read_counters

BURST = 64  # at once: more than may run and wait together
_BURST_S = 15  # room for those of a burst who are let in
STAGES = tuple(name for name, spec in MODELS.items() if spec.batches and spec.backend != "ensemble")


@dataclass(frozen=True)
class LoadPoint:
    """What a number of clients, or a rate of arrivals, got."""

    label: str
    share: float  # of the capacity; 0: not a rate
    offered_per_s: float
    figures: Figures
    stages: dict[str, StageCounters]


def closed_loop(
    server: LocalServer,
    effort: Effort,
    clients: int,
    unloaded_s: float,
    model: str = INSTANTID.name,
    over_http: bool = False,
) -> LoadPoint:
    """Return what `clients` get who each ask again as soon as they have their picture."""
    calls = Calls(
        server.http_url if over_http else server.grpc_url,
        "HttpClosedLoop" if over_http else "GrpcClosedLoop",
        effort.closed_loop_s,
        scale=effort.scale,
        model=model,
        clients=clients,
    )
    label = f"{clients} clients, HTTP" if over_http else f"{clients} clients"
    return _measure(server, label, calls, unloaded_s)


def sweep(
    server: LocalServer, effort: Effort, workload: str, capacity_per_s: float, unloaded_s: float
) -> Iterator[LoadPoint]:
    """Yield what each rate of arrivals gets, then what a burst does.

    Every request has a deadline, the loosest goal of goodput: a picture that comes later is of no
    use to its caller, and the server may refuse it for that.
    """
    deadline_s = max(GOODPUT_FACTORS) * unloaded_s
    for share in effort.shares:
        for seed in effort.seeds:
            calls = Calls(
                server.grpc_url,
                "GrpcPoisson",
                effort.rate_s,
                workload=workload,
                scale=effort.scale,
                rate=share * capacity_per_s,
                deadline_s=deadline_s,
                seed=seed,
            )
            label = f"{share:g} x capacity"
            yield _measure(server, label, calls, unloaded_s, share)
    burst = Calls(
        server.grpc_url,
        "GrpcPoisson",
        _BURST_S,
        workload=workload,
        scale=effort.scale,
        burst=BURST,
        deadline_s=deadline_s,
    )
    yield _measure(server, f"burst of {BURST}", burst, unloaded_s)


def _measure(
    server: LocalServer, label: str, calls: Calls, unloaded_s: float, share: float = 0.0
) -> LoadPoint:
    before = _counters(server)
    records = make_calls(calls)
    stages = {name: counters.since(before[name]) for name, counters in _counters(server).items()}
    figures = read_figures(records, calls.seconds, unloaded_s)
    return LoadPoint(label, share, calls.rate if share else 0.0, figures, stages)


def _counters(server: LocalServer) -> dict[str, StageCounters]:
    return {name: read_counters(server.metrics_url, name) for name in STAGES}
