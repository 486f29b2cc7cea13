"""Waves to planes and back: what of each wave is in a square, and the square of some waves."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from instantid_server.trust.marks.band import all_waves
from instantid_server.trust.marks.canonical import Plane
from instantid_server.trust.marks.pattern import Phasors

_NOTHING = 1e-6  # so that the empty picture has no phases

Spectrum = NDArray[np.complex64]  # (side, side // 2 + 1)


def spectrum_of(plane: Plane, side: int) -> Spectrum:
    """Return the spectrum of a plane on a square of `side` points, the rest of which is empty."""
    spectrum: Spectrum = scipy.fft.rfft2(plane, (side, side))
    return spectrum


def directions(spectrum: Spectrum, band: slice) -> Phasors:
    """Return the direction of each wave of the band, whatever its size."""
    waves = all_waves()[band]
    values = spectrum[waves[:, 0], waves[:, 1]]
    return np.asarray(values / (np.abs(values) + _NOTHING), np.complex64)


def plane_of(values: Phasors, waves: NDArray[np.int32], side: int) -> Plane:
    """Return the sum of waves on a square of `side` points: of value x, the real part of x."""
    spectrum = np.zeros((side, side // 2 + 1), np.complex64)
    spectrum[waves[:, 0], waves[:, 1]] = values
    plane: Plane = scipy.fft.irfft2(spectrum, (side, side))
    plane *= side * side / 2
    return plane
