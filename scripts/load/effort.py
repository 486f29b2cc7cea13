"""How much is measured: a few minutes for a look, hours for figures to publish."""

from dataclasses import dataclass

from scripts.load.workloads import Scale


@dataclass(frozen=True)
class Effort:
    """Lengths and numbers of the parts of a load test."""

    scale: Scale
    curve_repeats: int  # of each point of s(b)
    alone_repeats: int  # requests of one client, of each arm
    closed_loop_s: int
    clients: tuple[int, ...]  # of the closed loops; the arms are compared at the most
    rate_s: int  # arrivals at each rate last this long
    shares: tuple[float, ...]  # of the capacity; the last one is overload
    seeds: tuple[int, ...]  # each rate is run with all of them


QUICK = Effort(
    scale=Scale(steps=20),
    curve_repeats=5,
    alone_repeats=12,
    closed_loop_s=15,
    clients=(1, 2, 4, 8),
    rate_s=30,
    shares=(0.3, 0.6, 0.9, 1.2, 1.5),
    seeds=(1,),
)
FULL = Effort(
    scale=Scale(steps=30),
    curve_repeats=30,
    alone_repeats=25,
    closed_loop_s=120,
    clients=(1, 2, 4, 8),
    rate_s=600,  # ten minutes a rate and three seeds, as serving benchmarks ask for
    shares=(0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.5),
    seeds=(1, 2, 3),
)
