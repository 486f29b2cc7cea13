"""The validation: the same arrivals at real servers in clock mode and at simulated ones."""

import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # has no types

from scripts.cluster.callers import call_at
from scripts.cluster.clock_repository import StageClocks, write_clock_repositories
from scripts.cluster.cluster import Scenario, simulate
from scripts.cluster.curves import ServiceCurve
from scripts.cluster.pictures import IDENTITYNET_SHARE, PictureWork
from scripts.load.arrivals import poisson_arrivals
from scripts.load.figures import Figures, read_figures
from scripts.load.workloads import Scale
from scripts.local_server import LocalServer, local_server

STEPS = 10  # short pictures: more of them fit into a run
_FEW_STEPS = 2  # a second length, to tell the steps from the rest
_CALIBRATIONS = 5  # pictures of each length, one after another
_DECODE_MS = 20.0  # about half a step, as a decoder takes on a GPU
_OTHERS_MS = 2.0
# s(b) of the pocket networks on two cores: a copy of build/reports/step_curve.json of `make load`.
_STEP_CURVE = Path(__file__).with_name("step_curve.json")
_GAP_S = 0.001  # of the embedded Triton on two cores
_SIMULATIONS = 5  # of each run
_NUMBERS = (1, 2, 3)  # of servers
_SHARES = (0.6,)  # of the capacity that full batches would have
_RUN_S = 55.0  # a minute each; what a few dozen pictures say is mostly chance


@dataclass(frozen=True)
class Comparison:
    """One run and its simulation."""

    num_servers: int
    rate_per_s: float
    real: Figures
    simulated: Figures
    cpu_share: float  # of this machine's cores, that all processes used

    def errors(self) -> Mapping[str, float]:
        """Return by how much the simulation is off, as shares of the real figures."""
        pairs = {
            "p50": (self.simulated.latency_s[50], self.real.latency_s[50]),
            "p95": (self.simulated.latency_s[95], self.real.latency_s[95]),
            "pictures_per_s": (self.simulated.pictures_per_s, self.real.pictures_per_s),
        }
        return {name: simulated / real - 1 for name, (simulated, real) in pairs.items()}


def validate() -> list[Comparison]:
    """Compare one, two and three servers that sleep by a measured curve."""
    clocks = clocks_of(measured_step_curve())
    with clock_servers(clocks, max(_NUMBERS)) as servers:
        work = calibrate(servers[0], clocks)
        return [
            compare(servers[:number], work, share, _RUN_S)
            for number in _NUMBERS
            for share in _SHARES
        ]


def measured_step_curve() -> ServiceCurve:
    """Return what a step takes by rows, in milliseconds."""
    written = json.loads(_STEP_CURVE.read_text())
    return ServiceCurve.of({int(rows): ms for rows, ms in written.items()})


def clocks_of(step: ServiceCurve) -> StageClocks:
    """Return clocks whose steps take `step`, shared by the networks as on a GPU."""
    return StageClocks(
        identitynet=step.scaled(IDENTITYNET_SHARE),
        unet=step.scaled(1 - IDENTITYNET_SHARE),
        vae_decoder=ServiceCurve.constant(_DECODE_MS),
        others=ServiceCurve.constant(_OTHERS_MS),
    )


@contextlib.contextmanager
def clock_servers(clocks: StageClocks, number: int) -> Iterator[list[LocalServer]]:
    """Run real servers in clock mode, each with a GPU of its own."""
    with contextlib.ExitStack() as stack:
        servers: list[LocalServer] = []
        for _ in range(number):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            repositories = write_clock_repositories(folder, clocks)
            starting = local_server(repositories.models, repositories.ensembles)
            servers.append(stack.enter_context(starting))
        for server in servers:
            call_at([server.grpc_url], [0.0], Scale(steps=_FEW_STEPS))  # the first warms up
        yield servers


def calibrate(server: LocalServer, clocks: StageClocks) -> PictureWork:
    """Return what a picture is to the simulation, from pictures that are alone on a server.

    The clocks say how long the networks take. What else passes in a step is shared by the loop,
    whose one process joins the branches of one picture after another, and the way between stages.
    """
    long_s, short_s = (_alone_s(server, steps) for steps in (STEPS, _FEW_STEPS))
    step_s = (long_s - short_s) / (STEPS - _FEW_STEPS)
    work = PictureWork(clocks.identitynet, clocks.unet, clocks.vae_decoder, steps=STEPS)
    beside_s = step_s - work.step_s
    around_s = long_s - STEPS * step_s - clocks.vae_decoder.seconds(1)
    return replace(
        work,
        before_s=around_s / 2,
        after_s=around_s / 2,
        loop_s=beside_s / 2,
        hop_s=beside_s / 2,
        gap_s=_GAP_S,
    )


def compare(
    servers: Sequence[LocalServer], work: PictureWork, share: float, seconds: float
) -> Comparison:
    """Send requests at a share of the capacity, through one channel, and simulate the same."""
    rate = share * work.capacity_per_s * len(servers)
    arrivals = poisson_arrivals(rate, seconds, seed=len(servers))
    psutil.cpu_percent()  # of the time since the last call
    records = call_at([server.grpc_url for server in servers], arrivals, Scale(steps=work.steps))
    cpu_share = psutil.cpu_percent() / 100
    return Comparison(
        num_servers=len(servers),
        rate_per_s=rate,
        real=read_figures(records, seconds, work.alone_s),
        simulated=foresee(work, len(servers), arrivals, seconds),
        cpu_share=cpu_share,
    )


def foresee(
    work: PictureWork, num_servers: int, arrivals: Sequence[float], seconds: float
) -> Figures:
    """Return the figures of several simulations together, so that chance counts for less."""
    records = [
        record
        for seed in range(_SIMULATIONS)
        for record in simulate(Scenario(work, num_servers, seed=seed), arrivals).records
    ]
    figures = read_figures(records, seconds, work.alone_s)
    return replace(figures, pictures_per_s=figures.pictures_per_s / _SIMULATIONS)


def largest_error(comparisons: Sequence[Comparison]) -> float:
    """Return the share by which the simulation is most off, whichever way."""
    return max(abs(error) for each in comparisons for error in each.errors().values())


def _alone_s(server: LocalServer, steps: int) -> float:
    """Return the latency of a picture of so many steps that is alone."""
    latencies = []
    for _ in range(_CALIBRATIONS):
        (record,) = call_at([server.grpc_url], [0.0], Scale(steps=steps))
        latencies.append(record.latency_s)
    return statistics.median(latencies)
