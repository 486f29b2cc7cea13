"""Scores: what the judge says of pictures, as arrays with a row for each."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from scripts.pocket.arrays import Floats, Rows

KeyT = TypeVar("KeyT")


@dataclass(frozen=True)
class Scores:
    """One row a picture; NaN in the last three columns where the server refused one."""

    persons: Rows  # [n]
    references: Floats  # [n, D] embeddings of unit length
    embeddings: Floats  # [n, D] of the pictures
    right: Floats  # [n, attributes]: 1 as asked for, 0 not, NaN where nothing was
    pose_errors: Floats  # [n] in distances of the eyes

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.persons)

    @property
    def cosines(self) -> Floats:
        """How alike picture and reference are [n]."""
        alike: Floats = (self.references * self.embeddings).sum(1)
        return alike

    def rows(self, chosen: Rows) -> "Scores":
        """Return the rows with these numbers, in this order."""
        return Scores(*(getattr(self, field.name)[chosen] for field in fields(self)))


def answered(runs: Mapping[KeyT, Scores], truth: Scores) -> tuple[dict[KeyT, Scores], Scores]:
    """Return the rows that came in every run: who is refused once is left out of the ceiling too.

    All runs are of the same persons in the same order.
    """
    came = np.all([np.isfinite(run.cosines) for run in runs.values()], axis=0)
    rows = np.flatnonzero(came)
    return {key: run.rows(rows) for key, run in runs.items()}, truth.rows(rows)
