"""All that a load test has measured, and the ratios that it is judged by."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.load.alone import Alone
from scripts.load.effort import Effort
from scripts.load.figures import GOODPUT_FACTORS
from scripts.load.step_curve import step_ms
from scripts.load.sweep import LoadPoint
from scripts.triton_metrics import StageCounters

IN_PROCESS = "one process"
MONOLITH = "monolith"
UNBATCHED = "step batches off"
ONE_QUEUE = "one queue a step"
OURS = "ours"
EMPTY = "empty networks"
_ROWS = 2  # of a request with guidance


@dataclass(frozen=True)
class Measured:
    """One load test. Every arm is compared with the process of the same moment."""

    effort: Effort
    curve: Mapping[int, float]  # milliseconds of a step by rows
    alone: Mapping[str, Alone]  # by arm
    beside: Mapping[str, Alone]  # by arm: the process, measured in turns with it
    step_stages: Mapping[str, StageCounters]  # ours, while one client was alone
    together: Mapping[str, LoadPoint]  # by arm, with the most clients
    closed_loops: tuple[LoadPoint, ...]  # ours, with more and more clients
    rates: tuple[LoadPoint, ...]
    burst: LoadPoint

    @property
    def unloaded_s(self) -> float:
        """The latency of one client of ours, the unit of the latency goals."""
        return self.alone[OURS].latency_s

    @property
    def capacity_per_s(self) -> float:
        """Pictures a second of ours in the fullest closed loop."""
        return self.together[OURS].figures.pictures_per_s

    @property
    def networks_ms(self) -> float:
        """What Triton counts as the computing of both networks in a step of one client."""
        stages = self.step_stages.values()
        return sum(stage.infer_us / max(stage.requests, 1) for stage in stages) / 1000

    def throughput_ratio(self, arm: str) -> float:
        """Return pictures a second of `arm` together over those of one process, one by one."""
        return self.together[arm].figures.pictures_per_s * self.beside[arm].latency_s

    def foreseen_ratio(self) -> float:
        """Return what s(b) makes of the throughput ratio at the batches observed.

        The process, if each of its steps cost what a request's share of such a batch costs.
        """
        batch = self.together[OURS].stages["unet"].mean_batch
        share_ms = step_ms(self.curve, batch * _ROWS) / batch
        saved_s = self.effort.scale.steps * (step_ms(self.curve, _ROWS) - share_ms) / 1000
        process_s = self.beside[OURS].latency_s
        return process_s / (process_s - saved_s)

    def goodput_kept(self, factor: int) -> float:
        """Return the goodput of the highest rate over the best one, both the mean of the seeds."""
        by_share: dict[float, list[float]] = {}
        for point in self.rates:
            goodput = point.figures.goodput_per_s[factor]
            by_share.setdefault(point.share, []).append(goodput)
        means = {share: statistics.mean(goodputs) for share, goodputs in by_share.items()}
        peak = max(means.values())
        return means[max(means)] / peak if peak else 0.0

    def refusal_ms(self, percent: int) -> float:
        """Return how soon a refusal came at the highest rate; 0: nobody was refused."""
        highest = max(self.rates, key=lambda point: point.share)
        return highest.figures.refusal_s.get(percent, 0.0) * 1000


def ratios(measured: Measured) -> dict[str, float | int | str]:
    """Return the flat figures of `load.json`."""
    ours, beside = measured.alone[OURS], measured.beside[OURS]
    empty = measured.alone[EMPTY]
    throughput = measured.throughput_ratio(OURS)
    return {
        "throughput_ratio": throughput,
        "throughput_ratio_unbatched": measured.throughput_ratio(UNBATCHED),
        "throughput_ratio_monolith": measured.throughput_ratio(MONOLITH),
        "throughput_ratio_one_queue": measured.throughput_ratio(ONE_QUEUE),
        "batch_gain_foreseen": measured.foreseen_ratio(),
        "batch_gain_kept": throughput / measured.foreseen_ratio(),
        "latency_ratio": ours.latency_s / beside.latency_s,
        "latency_ratio_monolith": (
            measured.alone[MONOLITH].latency_s / measured.beside[MONOLITH].latency_s
        ),
        "latency_ratio_one_queue": (
            measured.alone[ONE_QUEUE].latency_s / measured.beside[ONE_QUEUE].latency_s
        ),
        "step_overhead_ms": ours.step_ms - beside.step_ms,
        "step_beyond_networks_ms": ours.step_ms - measured.networks_ms,
        "floor_ms": empty.step_ms,
        "in_process_step_ms": beside.step_ms,
        "unloaded_s": measured.unloaded_s,
        "capacity_per_s": measured.capacity_per_s,
        "goodput_kept": measured.goodput_kept(max(GOODPUT_FACTORS)),
        **{
            f"goodput_kept_within_{factor}x": measured.goodput_kept(factor)
            for factor in GOODPUT_FACTORS
        },
        "refusal_p50_ms": measured.refusal_ms(50),
        "refusal_p99_ms": measured.refusal_ms(99),
        "failures": sum(point.figures.failures for point in (*measured.rates, measured.burst)),
        "mean_batch_unet": measured.together[OURS].stages["unet"].mean_batch,
        "mean_batch_identitynet": measured.together[OURS].stages["identitynet"].mean_batch,
        "steps": measured.effort.scale.steps,
        "clients": max(measured.effort.clients),
    }
