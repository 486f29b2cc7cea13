"""What the simulation answers: the knee, the price of a cold start, and the autoscaler's target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scripts.cluster.autoscaling import ScalingPolicy
from scripts.cluster.balancing import Balancing
from scripts.cluster.cluster import LIMITS, Outcome, Scenario, simulate
from scripts.cluster.pictures import EAGER, PictureWork
from scripts.cluster.sizing import SHARE_IN_TIME, share_in_time
from scripts.load.arrivals import poisson_arrivals
from scripts.load.figures import Figures, read_figures

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)  # of the capacity
RUNNING = (1, 2, 4, 8)
COLD_STARTS_S = (0.0, 30.0, 60.0, 120.0, 300.0)
TARGETS = (1.0, 1.5, 2.0, 3.0, 6.0)
_KNEE_GPUS = 4
_KNEE_S = 900.0
_HOUR_S = 3600.0
_CALM, _BURST = 0.8, 3.2  # capacities of one GPU that arrive
_BURST_FROM_S, _BURST_TO_S = 1200.0, 1800.0
# As in docker/kubernetes, but for the target.
_POLICY = ScalingPolicy(target=1.5, min_servers=2, max_servers=16, down_after_s=900.0)


@dataclass(frozen=True)
class Answer:
    """One scenario and how it went."""

    label: str
    in_time: float  # share of all requests
    figures: Figures
    gpu_hours: float

    @classmethod
    def of(cls, label: str, outcome: Outcome, work: PictureWork, seconds: float) -> "Answer":
        """Read the outcome of arrivals that lasted for `seconds`."""
        in_time = share_in_time(work, outcome.records)
        figures = read_figures(outcome.records, seconds, work.alone_s)
        return cls(label, in_time, figures, outcome.gpu_seconds / _HOUR_S)


def load_curve(work: PictureWork, max_running: int) -> list[Answer]:
    """Return how ever more arrivals go on a few GPUs."""
    limits = replace(LIMITS, max_running_pictures=max_running)
    scenario = Scenario(work, _KNEE_GPUS, limits, Balancing.LEAST_REQUEST)
    answers = []
    for share in SHARES:
        rate = share * _KNEE_GPUS * work.capacity_per_s
        outcome = simulate(scenario, poisson_arrivals(rate, _KNEE_S, seed=1))
        answers.append(Answer.of(f"{share:g}", outcome, work, _KNEE_S))
    return answers


def knee(answers: Sequence[Answer]) -> float:
    """Return the highest share of the capacity up to which enough pictures come in time."""
    highest = 0.0
    for answer in answers:
        if answer.in_time < SHARE_IN_TIME:
            break
        highest = float(answer.label)
    return highest


def burst_arrivals(work: PictureWork) -> list[float]:
    """Return an hour of calm with ten minutes of four times as many arrivals in it."""
    calm = poisson_arrivals(_CALM * work.capacity_per_s, _HOUR_S, seed=1)
    more = (_BURST - _CALM) * work.capacity_per_s
    burst = poisson_arrivals(more, _BURST_TO_S - _BURST_FROM_S, seed=2)
    return sorted([*calm, *(_BURST_FROM_S + moment for moment in burst)])


def cold_starts(arrivals: Sequence[float], work: PictureWork = EAGER) -> Iterator[Answer]:
    """Yield what ever longer cold starts cost, beside servers that are always there."""
    for seconds in COLD_STARTS_S:
        policy = replace(_POLICY, cold_start_s=seconds)
        yield _scaled(f"cold start {seconds:.0f} s", arrivals, work, policy)
    for number in (_POLICY.min_servers, 8):
        scenario = Scenario(work, number, balancing=Balancing.LEAST_REQUEST)
        outcome = simulate(scenario, arrivals)
        yield Answer.of(f"always {number} GPUs", outcome, work, _HOUR_S)


def targets(arrivals: Sequence[float], work: PictureWork = EAGER) -> Iterator[Answer]:
    """Yield what ever higher targets of pictures per server save and cost."""
    for target in TARGETS:
        yield _scaled(f"target {target:g}", arrivals, work, replace(_POLICY, target=target))


def _scaled(
    label: str, arrivals: Sequence[float], work: PictureWork, policy: ScalingPolicy
) -> Answer:
    scenario = Scenario(work, policy.min_servers, balancing=Balancing.LEAST_REQUEST, scaling=policy)
    return Answer.of(label, simulate(scenario, arrivals), work, _HOUR_S)
