"""What a run's records say: throughput, percentiles, goodput and refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from instantid_server.contract import ErrorCode
from scripts.load.records import ANSWERED, Record

PERCENTS = (50, 90, 95, 99)
GOODPUT_FACTORS = (2, 3, 5)  # latency goals, in units of the unloaded latency
_RAMP = 0.2  # the share of a run in which queues fill; it counts for no rate


@dataclass(frozen=True)
class Figures:
    """One run. Rates are of what ended after the ramp and before the time was up."""

    arrivals: int
    pictures_per_s: float
    latency_s: Mapping[int, float]  # by percent, of what was answered; empty: nothing was
    goodput_per_s: Mapping[int, float]  # by factor: pictures that came within the goal
    refusals: int
    refusal_s: Mapping[int, float]  # by percent; empty: none
    missed: int  # their deadline passed while they waited or were drawn
    failures: int  # everything else


def read_figures(records: Sequence[Record], seconds: float, unloaded_s: float) -> Figures:
    """Return the figures of a run whose arrivals lasted for `seconds`."""
    answered = [record for record in records if record.outcome == ANSWERED]
    refused = [record for record in records if record.refused]
    late = ErrorCode.DEADLINE_EXCEEDED
    missed = sum(record.outcome == late and not record.refused for record in records)
    counted = [record for record in answered if _RAMP * seconds <= record.ended_s < seconds]
    counted_s = (1 - _RAMP) * seconds
    return Figures(
        arrivals=len(records),
        pictures_per_s=len(counted) / counted_s,
        latency_s=percentiles([record.latency_s for record in answered]),
        goodput_per_s={
            factor: sum(record.latency_s <= factor * unloaded_s for record in counted) / counted_s
            for factor in GOODPUT_FACTORS
        },
        refusals=len(refused),
        refusal_s=percentiles([record.latency_s for record in refused]),
        missed=missed,
        failures=len(records) - len(answered) - len(refused) - missed,
    )


def percentiles(values: Sequence[float]) -> dict[int, float]:
    """Return the smallest value that so many percent of `values` do not exceed; {} without any."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {percent: ordered[ceil(percent / 100 * len(ordered)) - 1] for percent in PERCENTS}
