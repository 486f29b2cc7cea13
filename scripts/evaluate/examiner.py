"""The examiner: the judge at work on the pictures of cases, with their references in mind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.evaluate.cases import Case
from scripts.evaluate.scores import Scores
from scripts.judge.attributes import ATTRIBUTES
from scripts.judge.judge import Judge
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.check import keypoint_error
from scripts.pocket.drawings import drawing_of
from scripts.pocket.scene import NO_HAIR

_NOT_ASKED = ""


@dataclass(frozen=True)
class _Look:
    embeddings: Floats  # [n, D] of unit length
    choices: NDArray[np.str_]  # [n, attributes]
    keypoints: Floats  # [n, 5, 2] pixels


class Examiner:
    """Scores pictures of the persons it was shown.

    It aligns every face by keypoints that the judge finds, on drawings and pictures alike: where a
    picture's face was asked to be is for the pose's score alone.
    """

    def __init__(self, judge: Judge, persons: Iterable[int]) -> None:
        self._judge = judge
        known = list(persons)
        look = self._look(np.stack([drawing_of(person, 0).picture for person in known]))
        self._references = dict(zip(known, look.embeddings, strict=True))

    def score(self, cases: Sequence[Case], pictures: Sequence[Picture | None]) -> Scores:
        """Return the scores of what came of the cases; None is a refusal."""
        came = [row for row, picture in enumerate(pictures) if picture is not None]
        look = self._look(np.stack([picture for picture in pictures if picture is not None]))
        asked = np.array([_asked(cases[row]) for row in came])
        errors = [
            keypoint_error(found, cases[row].truth.keypoints)
            for row, found in zip(came, look.keypoints, strict=True)
        ]
        return Scores(
            persons=np.array([case.person for case in cases]),
            references=np.stack([self._references[case.person] for case in cases]),
            embeddings=_at_rows(look.embeddings, came, len(cases)),
            right=_at_rows(
                np.where(asked == _NOT_ASKED, np.nan, look.choices == asked), came, len(cases)
            ),
            pose_errors=_at_rows(np.array(errors), came, len(cases)),
        )

    def score_truth(self, cases: Sequence[Case]) -> Scores:
        """Return the scores of the true drawings: the ceiling."""
        return self.score(cases, [case.truth.picture for case in cases])

    def _look(self, pictures: Picture) -> _Look:
        keypoints = self._judge.keypoints(pictures)
        read = self._judge.attributes(pictures)
        return _Look(
            self._judge.embed(pictures, keypoints),
            np.array([read[name] for name in ATTRIBUTES]).T,
            keypoints,
        )


def _asked(case: Case) -> list[str]:
    """Return the choice that was asked for of each attribute."""
    bald = case.scene.hair_style == NO_HAIR
    return [
        _NOT_ASKED if bald and name == "hair_colour" else getattr(case.scene, name)
        for name in ATTRIBUTES
    ]


def _at_rows(values: Floats, came: Sequence[int], rows: int) -> Floats:
    """Return the values at the rows that came, and NaN at the others."""
    placed = np.full((rows, *values.shape[1:]), np.nan)
    placed[list(came)] = values
    return placed
