"""Figures of a base that was changed under the identity parts: person kept, style taken."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scripts.comparisons.plug_and_play_style import in_style
from scripts.evaluate.cases import Case
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import measure
from scripts.evaluate.scores import Scores
from scripts.evaluate.statistics import (
    attribute_accuracy,
    identity_ratio,
    pose_error,
    prompt_accuracy,
)
from scripts.judge.attributes import ATTRIBUTES
from scripts.pocket.arrays import Picture

STYLE_COLUMN = list(ATTRIBUTES).index("art_style")


def base_figures(
    name: str,
    examiner: Examiner,
    runs: Sequence[Sequence[Case]],
    pictures: Sequence[Sequence[Picture]],
    looks: str,
    style: str,
) -> dict[str, float]:
    """Return the figures of one base's pictures [n] per seed, with noise, spread and ceiling.

    Identity, pose and prompt have drawings in the style that the base `looks` like as their
    ceiling. The share that the judge takes for `style` is among those figures, but not the
    accuracy of the prompt, which does not name one.
    """
    scores, truth = _scored(examiner, runs, pictures, looks)
    shares, all_true = _scored(examiner, runs, pictures, style)
    asked, known = [_without_style(run) for run in scores], _without_style(truth)
    return (
        measure(identity_ratio, scores, truth).flat(f"plug_identity_{name}")
        | measure(prompt_accuracy, asked, known).flat(f"plug_prompt_{name}")
        | measure(pose_error, scores, truth).flat(f"plug_pose_error_{name}")
        | measure(attribute_accuracy(STYLE_COLUMN), shares, all_true).flat(f"plug_style_{name}")
    )


def cases_in(cases: Sequence[Case], style: str) -> list[Case]:
    """Return the same cases with every scene in one style."""
    return [replace(case, scene=in_style(case.scene, style)) for case in cases]


def _scored(
    examiner: Examiner,
    runs: Sequence[Sequence[Case]],
    pictures: Sequence[Sequence[Picture]],
    style: str,
) -> tuple[list[Scores], Scores]:
    """Return the scores of each seed's pictures and of the true drawings, all in one style."""
    styled = [cases_in(cases, style) for cases in runs]
    scores = [examiner.score(cases, drawn) for cases, drawn in zip(styled, pictures, strict=True)]
    return scores, examiner.score_truth(styled[0])


def _without_style(scores: Scores) -> Scores:
    return replace(scores, right=np.delete(scores.right, STYLE_COLUMN, axis=1))
