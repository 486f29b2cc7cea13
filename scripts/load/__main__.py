"""The load test: `make load`, or `python -m scripts.load --full` for figures to publish."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.load.alone import Alone, drawn_by_server, drawn_in_process, measure_alone
from scripts.load.effort import FULL, QUICK, Effort
from scripts.load.in_process import InProcessPipeline
from scripts.load.measured import (
    EMPTY,
    IN_PROCESS,
    MONOLITH,
    ONE_QUEUE,
    OURS,
    UNBATCHED,
    Measured,
    ratios,
)
from scripts.load.report import write_load_report
from scripts.load.step_curve import measure_step_curve
from scripts.load.sweep import closed_loop, sweep
from scripts.load.variants import (
    MONOLITH_MODEL,
    Repositories,
    write_with_empty_networks,
    write_with_monolith,
    write_with_one_queue,
    write_without_batches,
)
from scripts.load.workloads import WORKLOADS
from scripts.local_server import LocalServer, local_server
from scripts.reports import ROOT, write_report
from scripts.triton_metrics import StageCounters, read_counters

NUM_THREADS = 2  # of the steps, as in cpu.toml
_STEP_STAGES = ("identitynet", "unet")


def main() -> int:
    """Measure, print, and write `build/reports/load.json` and `load.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="hours instead of minutes")
    parser.add_argument("--workload", choices=[*WORKLOADS], default="headline", help="of the rates")
    options = parser.parse_args()
    measured = measure(FULL if options.full else QUICK, options.workload)
    figures = ratios(measured)
    for name, value in figures.items():
        print(f"{name:28} {value:10.3f}")
    print(write_report("load", figures))
    write_report("step_curve", {str(rows): round(ms, 2) for rows, ms in measured.curve.items()})
    print(write_load_report(measured, figures))
    return 0


def measure(effort: Effort, workload: str) -> Measured:
    """Run every part; one server at a time, so that none disturbs another."""
    repository = ROOT / "model_repository"
    _say("s(b): the networks in this process")
    curve = measure_step_curve(repository, effort.scale.side_px, NUM_THREADS, effort.curve_repeats)
    process = InProcessPipeline(repository, NUM_THREADS)
    with _served(write_with_empty_networks) as server:
        _say("the floor: empty networks")
        floor, _ = _alone(server, process, effort, EMPTY)
    with _served(write_without_batches) as server:
        _say("step batches off")
        unbatched, _ = _alone(server, process, effort, UNBATCHED)
        unbatched_together = closed_loop(server, effort, max(effort.clients), 0.0)
    with _served(write_with_one_queue) as server:
        _say("one queue a step")
        one_queue, _ = _alone(server, process, effort, ONE_QUEUE)
        one_queue_together = closed_loop(server, effort, max(effort.clients), 0.0)
    with _served(write_with_monolith) as server:
        _say("the monolith")
        monolith, _ = _alone(server, process, effort, MONOLITH)
        monolith_together = closed_loop(
            server, effort, max(effort.clients), 0.0, model=MONOLITH_MODEL
        )
        _say("ours")
        ours, step_stages = _alone(server, process, effort, OURS)
        unloaded_s = ours[OURS].latency_s
        loops = [closed_loop(server, effort, clients, unloaded_s) for clients in effort.clients]
        over_http = closed_loop(server, effort, max(effort.clients), unloaded_s, over_http=True)
        _say("arrivals")
        *rates, burst = sweep(
            server, effort, workload, loops[-1].figures.pictures_per_s, unloaded_s
        )
    pairs = {
        EMPTY: floor,
        UNBATCHED: unbatched,
        ONE_QUEUE: one_queue,
        MONOLITH: monolith,
        OURS: ours,
    }
    return Measured(
        effort=effort,
        curve=curve,
        alone={arm: pair[arm] for arm, pair in pairs.items()},
        beside={arm: pair[IN_PROCESS] for arm, pair in pairs.items()},
        step_stages=step_stages,
        together={
            UNBATCHED: unbatched_together,
            ONE_QUEUE: one_queue_together,
            MONOLITH: monolith_together,
            OURS: loops[-1],
        },
        closed_loops=(*loops, over_http),
        rates=tuple(rates),
        burst=burst,
    )


@contextlib.contextmanager
def _served(write: Callable[[Path], Repositories]) -> Iterator[LocalServer]:
    with tempfile.TemporaryDirectory() as folder:
        repositories = write(Path(folder))
        with local_server(repositories.models, repositories.ensembles) as server:
            yield server


def _alone(
    server: LocalServer, process: InProcessPipeline, effort: Effort, arm: str
) -> tuple[dict[str, Alone], dict[str, StageCounters]]:
    """Return one client of `arm` and of the process, and what the step's stages did meanwhile."""
    model = MONOLITH_MODEL if arm == MONOLITH else "instantid"
    draws = {
        IN_PROCESS: drawn_in_process(process, effort.scale),
        arm: drawn_by_server(server.grpc_url, effort.scale, model),
    }
    before = {name: read_counters(server.metrics_url, name) for name in _STEP_STAGES}
    alone = measure_alone(draws, effort.scale.steps, effort.alone_repeats)
    stages = {
        name: read_counters(server.metrics_url, name).since(before[name]) for name in _STEP_STAGES
    }
    return alone, stages


def _say(what: str) -> None:
    print(f"-- {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
