"""The band of a mark: which waves of the pattern a picture of a given size can carry.

A wave is a pair of whole numbers: how often it swings across the square whose side is the picture's
long side. So halving a picture changes no wave, it only loses the fastest.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_SLOWEST, _FASTEST = 2, 120  # swings a side, of any band
_LOW, _HIGH = 0.04, 0.25  # swings a pixel: above a picture's light and shade, and kept by JPEG
_LOW_AT_MOST = 20  # swings a side, from 500 pixels on
_LEGIBLE = 0.42  # swings a pixel: what a shrunk picture still shows of its mark

Waves = NDArray[np.int32]  # (count, 2): swings down, -120 to 120, and across, 1 to 120


@cache
def all_waves() -> Waves:
    """Return every wave of the pattern, the slowest first."""
    down, across = np.mgrid[-_FASTEST : _FASTEST + 1, 1 : _FASTEST + 1].astype(np.int32)
    squared = down**2 + across**2
    inside = (squared >= _SLOWEST**2) & (squared <= _FASTEST**2)
    waves = np.stack([down[inside], across[inside]], axis=1)
    by_speed: Waves = waves[np.lexsort((waves[:, 1], waves[:, 0], squared[inside]))]
    return by_speed


def band_of(long_side_px: float) -> slice:
    """Return which of all waves the mark of a picture of that size has."""
    return _waves_between(_LOW * long_side_px, _HIGH * long_side_px)


def bands_to_read(long_side_px: float) -> tuple[slice, ...]:
    """Return the bands that a picture of that size may hold: its own, and what shrinking left.

    An enlarged picture's mark lies in the slower part of its own band.
    """
    own = band_of(long_side_px)
    fastest = min(2 * _HIGH, _LEGIBLE) * long_side_px
    shrunk = _waves_between(2 * _LOW * long_side_px, fastest)
    return (own,) if shrunk == own else (own, shrunk)


def fastest_wave(long_side_px: float) -> float:
    """Return how often the fastest wave of that band swings across the picture."""
    return min(_HIGH * long_side_px, _FASTEST)


def _waves_between(low: float, high: float) -> slice:
    limits = [min(low, _LOW_AT_MOST) ** 2, min(high, _FASTEST) ** 2 + 1]
    return slice(*np.searchsorted(_squared_speeds(), limits).tolist())


@cache
def _squared_speeds() -> NDArray[np.int32]:
    return np.asarray((all_waves() ** 2).sum(1), np.int32)
