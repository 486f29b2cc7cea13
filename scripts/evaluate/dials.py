"""The dials: identity and prompt against each of the two scales, the other one at its default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from scripts.chart import new_figure, save_figure
from scripts.evaluate.album import Album
from scripts.evaluate.cases import DEFAULT_DIALS, Case, cases_of, unseen_persons
from scripts.evaluate.effort import Effort
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import Figure, bootstrap_noise, measure
from scripts.evaluate.scores import Scores, answered
from scripts.evaluate.statistics import Statistic, compromise, identity_ratio, prompt_accuracy

DIALS = ("ip_adapter_scale", "controlnet_conditioning_scale")
CURVES: dict[str, Statistic] = {
    "identity_ratio": identity_ratio,
    "prompt_accuracy": prompt_accuracy,
    "identity_ratio x prompt_accuracy": compromise,
}
_CERTAIN = 2.0  # standard errors


@dataclass(frozen=True)
class Sweep:
    """What the pictures score at each position of one dial."""

    default: float
    runs: Mapping[float, Scores]  # by the dial's position, from low to high
    truth: Scores

    def figures(self, statistic: Statistic) -> dict[float, Figure]:
        """Return the curve of a statistic."""
        return {scale: measure(statistic, [run], self.truth) for scale, run in self.runs.items()}

    def identity_falls(self) -> int:
        """Return how often more of the dial, up to its default, means surely less identity."""
        scales = [scale for scale in self.runs if scale <= self.default]
        return sum(
            self._gain(identity_ratio, above, below) < 0 for below, above in pairwise(scales)
        )

    def default_loss(self) -> float:
        """Return by how much another position surely is a better compromise than the default."""
        gains = [self._gain(compromise, scale, self.default) for scale in self.runs]
        return max(0.0, *gains)

    def _gain(self, statistic: Statistic, scale: float, other: float) -> float:
        """Return by how much one position surpasses another, nearer to 0 by the noise of it.

        Both are of the same persons and noise, so that much of what chance does cancels out.
        """
        runs = (self.runs[scale], self.runs[other])

        def difference(chosen: Sequence[Scores], truth: Scores) -> float:
            return statistic(chosen[0], truth) - statistic(chosen[1], truth)

        gain = difference(runs, self.truth)
        noise = bootstrap_noise(
            lambda rows: difference([run.rows(rows) for run in runs], self.truth.rows(rows)),
            len(self.truth),
        )
        sure = max(0.0, abs(gain) - _CERTAIN * noise)
        return sure if gain > 0 else -sure


def dial_cases(effort: Effort, dial: str) -> dict[float, list[Case]]:
    """Return the cases of each position of a dial."""
    persons, seed = unseen_persons(effort.dial_persons), effort.seeds[0]
    return {
        scale: cases_of(persons, seed, replace(DEFAULT_DIALS, **{dial: scale}))
        for scale in effort.dial_scales
    }


def sweep_dial(examiner: Examiner, album: Album, effort: Effort, dial: str) -> Sweep:
    """Return the scores along a dial."""
    cases = dial_cases(effort, dial)
    runs = {scale: examiner.score(run, album.pictures_of(run)) for scale, run in cases.items()}
    default = getattr(DEFAULT_DIALS, dial)
    return Sweep(default, *answered(runs, examiner.score_truth(cases[default])))


def plot_sweep(path: Path, dial: str, sweep: Sweep) -> None:
    """Draw the curves with their standard errors, and where the default is."""
    figure, axes = new_figure(dial, "share of the ceiling, or of what was asked for")
    for label, statistic in CURVES.items():
        curve = sweep.figures(statistic)
        axes.errorbar(
            list(curve),
            [point.value for point in curve.values()],
            yerr=[point.noise for point in curve.values()],
            marker="o",
            capsize=3,
            label=label,
        )
    axes.axvline(sweep.default, color="grey", linestyle="--", label="default")
    save_figure(path, figure, axes)
