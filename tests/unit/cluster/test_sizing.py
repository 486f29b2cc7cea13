"""How many GPUs a rate needs, and what else the simulation answers."""

from dataclasses import replace
from math import ceil

from scripts.cluster.answers import Answer, burst_arrivals, knee
from scripts.cluster.balancing import Balancing
from scripts.cluster.cluster import Scenario, simulate
from scripts.cluster.pictures import BOUND, EAGER
from scripts.cluster.sizing import SHARE_IN_TIME, share_in_time, size
from scripts.load.arrivals import poisson_arrivals

RATE_PER_S = 10.0  # 150 s of it are what `size` looks at


def test_the_size_suffices_and_one_gpu_less_does_not() -> None:
    work = replace(BOUND, steps=4)  # short pictures, so that simulating them is quick
    sizing = size(work, RATE_PER_S, Balancing.LEAST_REQUEST)
    arrivals = poisson_arrivals(RATE_PER_S, 150.0, seed=1)
    assert sizing.gpus >= ceil(RATE_PER_S / work.capacity_per_s)
    shares = [
        share_in_time(
            work,
            simulate(Scenario(work, gpus, balancing=Balancing.LEAST_REQUEST), arrivals).records,
        )
        for gpus in (sizing.gpus, sizing.gpus - 1)
    ]
    assert shares[0] >= SHARE_IN_TIME > shares[1]


def test_the_knee_is_the_last_load_at_which_enough_come_in_time() -> None:
    outcome = simulate(Scenario(BOUND, 1), [0.0])
    good = Answer.of("0.2", outcome, BOUND, 1.0)
    late = Answer("0.4", 0.5, good.figures, good.gpu_hours)
    assert good.in_time == 1.0
    assert knee([good, late, Answer("0.6", 1.0, good.figures, 0.0)]) == 0.2


def test_a_burst_is_denser_than_the_calm_around_it() -> None:
    arrivals = burst_arrivals(EAGER)
    assert arrivals == sorted(arrivals)
    within = sum(1200.0 <= moment < 1800.0 for moment in arrivals)
    assert within > (len(arrivals) - within) / 2
