"""Figures of the two arms: identity, prompt, and what is copied from the reference's scene."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scripts.evaluate.cases import Case
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import measure
from scripts.evaluate.scores import Scores
from scripts.evaluate.statistics import identity_ratio, pose_error, prompt_accuracy
from scripts.judge.attributes import ATTRIBUTES
from scripts.judge.check import recognition
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.drawings import scene_of
from scripts.pocket.scene import NO_HAIR


def arm_figures(
    name: str,
    examiner: Examiner,
    runs: Sequence[Sequence[Case]],
    pictures: Sequence[Sequence[Picture]],
) -> dict[str, float]:
    """Return an arm's figures, each with noise, spread and ceiling, for pictures [n] per seed."""
    asked = [examiner.score(cases, drawn) for cases, drawn in zip(runs, pictures, strict=True)]
    truth = examiner.score_truth(runs[0])
    copies = [copied(examiner, cases, drawn) for cases, drawn in zip(runs, pictures, strict=True)]
    true_copies = copied(examiner, runs[0], [case.truth.picture for case in runs[0]])
    return (
        measure(identity_ratio, asked, truth).flat(f"{name}_identity")
        | measure(prompt_accuracy, asked, truth).flat(f"{name}_prompt")
        | measure(pose_error, asked, truth).flat(f"{name}_pose_error")
        | measure(prompt_accuracy, copies, true_copies).flat(f"{name}_copied")
    )


def copied(examiner: Examiner, cases: Sequence[Case], pictures: Sequence[Picture]) -> Scores:
    """Return scores whose `right` is 1 where a picture shows the reference's scene and not its own.

    An attribute that both scenes share, or of which one says nothing, is NaN.
    """
    worn = [replace(case, scene=scene_of(case.person, 0)) for case in cases]
    scores = examiner.score(worn, pictures)
    return replace(scores, right=np.where(differing(worn, cases), scores.right, np.nan))


def embedding_figures(name: str, known: Floats, again: Floats) -> dict[str, float]:
    """Return how well embeddings [n, D] tell n persons apart, each of whom is seen twice."""
    # A picture without a face has an embedding of zeros, which is nobody's.
    units = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9) for rows in (known, again)
    )
    return {f"{name}_{figure}": value for figure, value in recognition(*units).items()}


def differing(worn: Sequence[Case], wanted: Sequence[Case]) -> NDArray[np.bool_]:
    """Return of which attributes [n, attributes] two scenes say something, but not the same."""
    return np.array(
        [
            [one != other and None not in (one, other) for one, other in zip(*said, strict=True)]
            for said in zip(map(_said, worn), map(_said, wanted), strict=True)
        ]
    )


def _said(case: Case) -> list[str | None]:
    """Return what a scene says of each attribute; no hair has no colour."""
    bald = case.scene.hair_style == NO_HAIR
    return [
        None if bald and name == "hair_colour" else getattr(case.scene, name) for name in ATTRIBUTES
    ]
