"""The main table: identity, verification, prompt and pose of persons never trained on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scripts.evaluate.album import Album
from scripts.evaluate.cases import Case, cases_of, changed_scene, unseen_persons
from scripts.evaluate.effort import Effort
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import Figure, measure
from scripts.evaluate.scores import Scores, answered
from scripts.evaluate.statistics import (
    Statistic,
    attribute_accuracy,
    identity_cosine,
    identity_ratio,
    pose_error,
    pose_error_median,
    prompt_accuracy,
    prompt_accuracy_min,
    true_accept,
    verification_ratio,
)
from scripts.judge.attributes import ATTRIBUTES

STATISTICS: dict[str, Statistic] = {
    "identity_ratio": identity_ratio,
    "identity_cosine": identity_cosine,
    "verification_ratio": verification_ratio,
    "true_accept": true_accept,
    "prompt_accuracy": prompt_accuracy,
    "prompt_accuracy_min": prompt_accuracy_min,
    **{f"prompt_{name}": attribute_accuracy(index) for index, name in enumerate(ATTRIBUTES)},
    "pose_error": pose_error,
    "pose_error_median": pose_error_median,
}
_GROUPED_BY = ("expression", "light")


@dataclass(frozen=True)
class MainTable:
    """Every statistic by name, and identity for each expression and each light alone."""

    figures: Mapping[str, Figure]
    groups: Mapping[str, Mapping[str, Figure]]  # attribute, choice

    def flat(self) -> dict[str, float]:
        """Return the table as a report keeps it, and the choice of each group that fares worst."""
        flat: dict[str, float] = {}
        for name, figure in self.figures.items():
            flat |= figure.flat(name)
        for attribute, group in self.groups.items():
            for choice, figure in group.items():
                flat |= figure.flat(f"{attribute}_identity_{choice}")
            flat[f"{attribute}_identity_min"] = min(figure.value for figure in group.values())
        return flat


def runs_of(effort: Effort) -> list[list[Case]]:
    """Return the cases of each seed: the same persons in the same order."""
    return [cases_of(unseen_persons(effort.persons), seed) for seed in effort.seeds]


def measure_main_table(examiner: Examiner, album: Album, effort: Effort) -> MainTable:
    """Return the table of all cases."""
    cases = dict(zip(effort.seeds, runs_of(effort), strict=True))
    all_runs = {seed: examiner.score(run, album.pictures_of(run)) for seed, run in cases.items()}
    by_seed, truth = answered(all_runs, examiner.score_truth(cases[effort.seeds[0]]))
    runs = list(by_seed.values())
    return MainTable(
        {name: measure(statistic, runs, truth) for name, statistic in STATISTICS.items()},
        {name: _identity_by_choice(name, runs, truth) for name in _GROUPED_BY},
    )


def _identity_by_choice(attribute: str, runs: list[Scores], truth: Scores) -> dict[str, Figure]:
    chosen = np.array([getattr(changed_scene(person), attribute) for person in truth.persons])
    groups = {choice: np.flatnonzero(chosen == choice) for choice in ATTRIBUTES[attribute]}
    return {
        choice: measure(identity_ratio, [run.rows(rows) for run in runs], truth.rows(rows))
        for choice, rows in groups.items()
        if len(rows)
    }
