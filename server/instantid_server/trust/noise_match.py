"""The match of an inverted picture with the noises of records: theirs, perhaps, or by chance.

To whoever lacks the key, a record's noise is n independent normal values, whatever a picture shows.
Its cosine with any n values, so with those of an inverted picture, is that of a random direction:
mean 0, deviation 1 / sqrt(n) and, for the thousands of values of latents, as good as normal. The
thresholds follow from nothing else, so they hold for any weights. They rise with the number of
noises compared, because the highest of many cosines is high by chance.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from instantid_server.contract import MarkState

# How often a picture of somebody else's may pass, with however many noises it is compared.
FALSE_OURS = 1e-6
FALSE_INCONCLUSIVE = 1e-3


@dataclass(frozen=True)
class Likeness:
    """How alike a noise and an inverted picture are."""

    cosine: float
    num_values: int

    @property
    def deviations(self) -> float:
        """The cosine, in standard deviations of one by chance."""
        return self.cosine * math.sqrt(self.num_values)


def likeness(estimate: Tensor, noise: Tensor) -> Likeness:
    """Compare an inverted picture with a noise of the same shape."""
    cosine = torch.cosine_similarity(estimate.flatten().double(), noise.flatten().double(), dim=0)
    return Likeness(float(cosine), noise.numel())


def judge(likenesses: Iterable[Likeness]) -> MarkState:
    """Return what the best of all comparisons says; without any, there is no mark."""
    deviations = [like.deviations for like in likenesses]
    if not deviations:
        return MarkState.NONE
    if max(deviations) >= threshold(FALSE_OURS, len(deviations)):
        return MarkState.OURS
    if max(deviations) >= threshold(FALSE_INCONCLUSIVE, len(deviations)):
        return MarkState.INCONCLUSIVE
    return MarkState.NONE


def threshold(false_rate: float, num_compared: int) -> float:
    """Return the deviations that the best of `num_compared` exceeds that rarely by chance."""
    return -NormalDist().inv_cdf(false_rate / num_compared)
