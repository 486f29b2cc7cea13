"""A load test that nobody ran: figures from which the right ratios can be told by head."""

from dataclasses import replace

from scripts.load.alone import Alone
from scripts.load.effort import QUICK
from scripts.load.figures import Figures
from scripts.load.measured import EMPTY, MONOLITH, ONE_QUEUE, OURS, UNBATCHED, Measured
from scripts.load.sweep import LoadPoint
from scripts.triton_metrics import StageCounters

PROCESS = Alone(latency_s=1.0, step_ms=40.0)
SHARED_BY_FOUR = StageCounters(400, 100, queue_us=0, input_us=0, infer_us=0, output_us=0)


def figures(pictures_per_s: float, goodput: float = 0.0) -> Figures:
    return Figures(
        arrivals=20,
        pictures_per_s=pictures_per_s,
        latency_s={50: 1.0, 90: 2.0, 95: 2.5, 99: 3.0},
        goodput_per_s={2: 0.0, 3: goodput / 2, 5: goodput},
        refusals=3,
        refusal_s={50: 0.01, 90: 0.02, 95: 0.02, 99: 0.03},
        missed=0,
        failures=0,
    )


def point(share: float, pictures_per_s: float, goodput: float = 0.0) -> LoadPoint:
    stages = {"identitynet": SHARED_BY_FOUR, "unet": SHARED_BY_FOUR}
    return LoadPoint(
        f"{share:g} x capacity", share, share * 2, figures(pictures_per_s, goodput), stages
    )


def measured() -> Measured:
    ours = point(0.0, pictures_per_s=1.5)
    return Measured(
        effort=replace(QUICK, seeds=(1, 2)),
        curve={2: 40.0, 8: 80.0, 16: 120.0},  # of four requests, each pays half of what one pays
        alone={
            EMPTY: Alone(0.2, 1.2),
            UNBATCHED: Alone(1.1, 42.0),
            ONE_QUEUE: Alone(1.2, 43.0),
            MONOLITH: Alone(1.05, 40.0),
            OURS: Alone(1.1, 41.5),
        },
        beside=dict.fromkeys((EMPTY, UNBATCHED, ONE_QUEUE, MONOLITH, OURS), PROCESS),
        step_stages={
            "identitynet": replace(SHARED_BY_FOUR, infer_us=400 * 15_000),
            "unet": replace(SHARED_BY_FOUR, infer_us=400 * 25_000),
        },
        together={
            UNBATCHED: point(0.0, 0.9),
            ONE_QUEUE: point(0.0, 1.4),
            MONOLITH: point(0.0, 1.0),
            OURS: ours,
        },
        closed_loops=(ours,),
        rates=(
            point(0.9, 1.3, goodput=1.2),
            point(0.9, 1.3, goodput=1.4),
            point(1.5, 1.4, goodput=1.1),
            point(1.5, 1.4, goodput=1.5),
        ),
        burst=point(0.0, 1.0),
    )
