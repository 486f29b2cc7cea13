"""Statistics: one number of the scores of pictures, beside those of the true drawings."""

from collections.abc import Callable

import numpy as np

from scripts.evaluate.scores import Scores
from scripts.pocket.arrays import Floats

Statistic = Callable[[Scores, Scores], float]  # of pictures and, row by row, of true drawings

_FALSE_ACCEPTS = 0.01


def identity_ratio(pictures: Scores, truth: Scores) -> float:
    """Return the mean cosine to the reference as a share of the true drawings'."""
    return float(pictures.cosines.mean() / truth.cosines.mean())


def identity_cosine(pictures: Scores, truth: Scores) -> float:
    """Return the mean cosine to the reference."""
    return float(pictures.cosines.mean())


def true_accept(pictures: Scores, truth: Scores) -> float:
    """Return the share of pictures that are taken for their person.

    The threshold takes one in a hundred pictures for each person that it does not show.
    """
    cosines = pictures.embeddings @ pictures.references.T
    strangers = pictures.persons[:, None] != pictures.persons  # a resampled row may come twice
    threshold = np.quantile(cosines[strangers], 1 - _FALSE_ACCEPTS)
    return float((pictures.cosines > threshold).mean())


def verification_ratio(pictures: Scores, truth: Scores) -> float:
    """Return `true_accept` as a share of the true drawings'; NaN if none of those is accepted."""
    ceiling = true_accept(truth, truth)
    return true_accept(pictures, truth) / ceiling if ceiling > 0 else float("nan")


def prompt_accuracy(pictures: Scores, truth: Scores) -> float:
    """Return the share of pictures as asked for, averaged over the attributes."""
    return float(np.nanmean(_shares(pictures)))


def prompt_accuracy_min(pictures: Scores, truth: Scores) -> float:
    """Return the share of pictures as asked for in the attribute that fares worst."""
    return float(np.nanmin(_shares(pictures)))


def attribute_accuracy(index: int) -> Statistic:
    """Return the statistic that is the share of pictures as asked for in one attribute."""
    return lambda pictures, truth: float(_shares(pictures)[index])


def pose_error(pictures: Scores, truth: Scores) -> float:
    """Return the mean distance of the keypoints from where they were asked to be."""
    return float(pictures.pose_errors.mean())


def pose_error_median(pictures: Scores, truth: Scores) -> float:
    """Return the error that half of the pictures stay below."""
    return float(np.median(pictures.pose_errors))


def compromise(pictures: Scores, truth: Scores) -> float:
    """Return identity ratio times prompt accuracy: high only where both are."""
    return identity_ratio(pictures, truth) * prompt_accuracy(pictures, truth)


def _shares(pictures: Scores) -> Floats:
    """Return the share of right pictures of each attribute; NaN where no picture had to be."""
    asked = np.isfinite(pictures.right).sum(0)
    right = np.nansum(pictures.right, axis=0)
    shares: Floats = np.where(asked == 0, np.nan, right / np.maximum(asked, 1))
    return shares
