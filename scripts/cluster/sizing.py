"""Sizing: how many GPUs a rate of arrivals needs for a goal of latency."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from scripts.cluster.balancing import Balancing
from scripts.cluster.cluster import Scenario, simulate
from scripts.cluster.pictures import PictureWork
from scripts.load.arrivals import poisson_arrivals
from scripts.load.records import ANSWERED, Record

GOAL_FACTOR = 2.0  # of the latency of a picture that is alone
SHARE_IN_TIME = 0.95  # of all that arrive, refused ones too
_PICTURES = 1500  # of a simulation, so that one in twenty is still many
_SHORTEST_S, _LONGEST_S = 30.0, 600.0


@dataclass(frozen=True)
class Sizing:
    """What a rate needs."""

    rate_per_s: float
    balancing: Balancing
    gpus: int

    @property
    def per_gpu(self) -> float:
        """Pictures a second that each GPU then draws."""
        return self.rate_per_s / self.gpus


def size(work: PictureWork, rate_per_s: float, balancing: Balancing) -> Sizing:
    """Return the fewest GPUs with which enough pictures come in time."""
    seconds = min(max(_PICTURES / rate_per_s, _SHORTEST_S), _LONGEST_S)
    arrivals = poisson_arrivals(rate_per_s, seconds, seed=1)

    def suffices(gpus: int) -> bool:
        outcome = simulate(Scenario(work, gpus, balancing=balancing), arrivals)
        return share_in_time(work, outcome.records) >= SHARE_IN_TIME

    fewest = ceil(rate_per_s / work.capacity_per_s)
    return Sizing(rate_per_s, balancing, _first(fewest, suffices))


def share_in_time(work: PictureWork, records: Sequence[Record]) -> float:
    """Return the share of all requests whose pictures came within the goal."""
    goal_s = GOAL_FACTOR * work.alone_s
    return sum(r.outcome == ANSWERED and r.latency_s <= goal_s for r in records) / len(records)


def _first(fewest: int, suffices: Callable[[int], bool]) -> int:
    """Return the smallest number from `fewest` on that suffices, by growing and halving steps."""
    too_few, enough = fewest - 1, fewest
    while not suffices(enough):
        too_few, enough = enough, enough + max(enough - too_few, ceil(enough / 8))
    while enough - too_few > max(1, enough // 32):  # three GPUs of a hundred are near enough
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if suffices(middle) else (middle, enough)
    return enough
