"""The reading of a mark: where in the spectrum of a picture it lies, and what it says."""

from dataclasses import dataclass

import numpy as np

from instantid_server.trust.marks.band import all_waves
from instantid_server.trust.marks.canonical import Plane
from instantid_server.trust.marks.pattern import (
    Numbers,
    Pattern,
    Phasors,
    Shift,
    signs_of_waves,
    sums_of_bits,
    sync_waves,
)
from instantid_server.trust.marks.payload import Payload
from instantid_server.trust.marks.waves import plane_of

_SIDE = 256  # of the square on whose points a shift is sought: two for each of the fastest swings


@dataclass(frozen=True)
class Reading:
    """The likeliest mark of one key, likely or not."""

    payload: Payload
    # By how many standard deviations the waves agree with the whole mark. Those of a clean picture
    # have nothing to do with the key, but of all shifts and payloads the best reaches 7 to 9.
    score: float


def read(found: Phasors, pattern: Pattern, band: slice) -> Reading:
    """Return the likeliest mark, given the direction of each wave of the band in a picture."""
    turned = found * np.conj(pattern.phasors[band])
    moved_back = turned * np.conj(_likeliest_shift(turned, band).phasors(band))
    agreement = np.asarray(moved_back.real, np.float32)
    payload = Payload.decode(sums_of_bits(agreement, band))
    total = float(agreement @ signs_of_waves(payload.encode(), band))
    return Reading(payload, total / float(np.sqrt(len(agreement) / 2)))


def _likeliest_shift(turned: Phasors, band: slice) -> Shift:
    """Return the shift at which the sync waves agree best, between two points too."""
    sync = sync_waves(band)
    agreement = plane_of(turned[sync], all_waves()[band][sync], _SIDE)
    down, across = divmod(int(agreement.argmax()), _SIDE)
    return Shift(
        (down + _summit(agreement[:, across], down)) / _SIDE,
        (across + _summit(agreement[down], across)) / _SIDE,
    )


def _summit(line: Numbers | Plane, highest: int) -> float:
    """Return how far from its highest point a line's summit lies, by the parabola through three."""
    before, top, after = (float(line[(highest + step) % _SIDE]) for step in (-1, 0, 1))
    bend = before - 2 * top + after
    return 0.0 if bend >= 0 else (before - after) / (2 * bend)
