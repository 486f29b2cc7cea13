"""A figure: a statistic over several seeds, with what chance does to it and what it can reach."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.evaluate.scores import Scores
from scripts.evaluate.statistics import Statistic
from scripts.pocket.arrays import Rows

_RESAMPLES = 200


@dataclass(frozen=True)
class Figure:
    """What was measured, over all seeds together and of each alone."""

    by_seed: tuple[float, ...]
    noise: float  # standard error: another set of as many persons would move the value by it
    ceiling: float  # the same of the true drawings

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return float(np.mean(self.by_seed))

    @property
    def spread(self) -> float:
        """How far the seeds lie apart."""
        return max(self.by_seed) - min(self.by_seed)

    def flat(self, name: str) -> dict[str, float]:
        """Return the figure as a report keeps it."""
        return {
            name: self.value,
            f"{name}_noise": self.noise,
            f"{name}_spread": self.spread,
            f"{name}_ceiling": self.ceiling,
        }


def measure(statistic: Statistic, runs: Sequence[Scores], truth: Scores) -> Figure:
    """Return the statistic of a run for each seed; a row is the same case but for its seed."""

    def mean_of(rows: Rows) -> float:
        known = truth.rows(rows)
        return float(np.mean([statistic(run.rows(rows), known) for run in runs]))

    return Figure(
        by_seed=tuple(statistic(run, truth) for run in runs),
        noise=bootstrap_noise(mean_of, len(truth)),
        ceiling=statistic(truth, truth),
    )


def bootstrap_noise(statistic: Callable[[Rows], float], rows: int) -> float:
    """Return the standard error of a statistic of so many rows, by drawing them anew."""
    rng = np.random.default_rng(rows)
    return float(np.std([statistic(rng.integers(rows, size=rows)) for _ in range(_RESAMPLES)]))
