"""Scores that no judge gave: pictures as like their reference as a test wants."""

import numpy as np

from scripts.evaluate.scores import Scores

ATTRIBUTES = 3


def made_up_scores(cosines: list[float], persons: list[int] | None = None) -> Scores:
    """Return pictures with these cosines to their reference, and 0 to any other person's.

    Attributes and pose are right, but a cosine of NaN makes a refused row.
    """
    alike = np.array(cosines)
    rows = len(alike)
    numbers = np.arange(rows) if persons is None else np.array(persons)
    side = np.sqrt(1 - alike**2)
    embeddings = np.concatenate([np.eye(rows) * alike[:, None], side[:, None]], 1)
    embeddings[np.isnan(alike)] = np.nan
    came = np.where(np.isnan(alike), np.nan, 1.0)
    return Scores(
        persons=numbers,
        references=np.eye(rows, rows + 1),
        embeddings=embeddings,
        right=np.repeat(came[:, None], ATTRIBUTES, axis=1),
        pose_errors=np.where(np.isnan(alike), np.nan, 0.0),
    )
