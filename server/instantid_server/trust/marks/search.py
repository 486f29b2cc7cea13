"""The search for a mark: in the picture as it is, then as what is left of a larger one."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from instantid_server.images import RGB
from instantid_server.trust.marks.band import bands_to_read, fastest_wave
from instantid_server.trust.marks.canonical import GRID, Plane, even_out, luma_on_grid
from instantid_server.trust.marks.pattern import Pattern
from instantid_server.trust.marks.reading import Reading, read
from instantid_server.trust.marks.waves import directions, spectrum_of

# The best of 2^16 shifts, 2^36 payloads, 2 bands, 100 scales and 16 keys is this high by chance in
# fewer than one picture of a million: the tail of a sum of n waves is below exp(-score^2 / 2).
SURE = 11.0
_LARGEST_SCALE = 1.45  # half of the picture was cut away, or a third of its long side
_STEP = 0.6  # swings by which the fastest wave may be off between two scales: it still agrees


@dataclass(frozen=True)
class Found:
    """The likeliest mark of all keys."""

    reading: Reading
    key_version: int


def search(image: RGB, patterns: Mapping[int, Pattern]) -> Found:
    """Return the likeliest mark in `image` of the keys' patterns, by version."""
    detail = even_out(luma_on_grid(image))
    long_side_px = max(image.shape[:2])
    best = _look(detail, long_side_px, 1.0, patterns)
    if best.reading.score >= SURE:
        return best
    for scale in _scales(long_side_px):
        found = _look(detail, long_side_px, scale, patterns)
        if found.reading.score > best.reading.score:
            best = found
        elif best.reading.score >= SURE:
            break  # past the scale that fits best
    return best


def _scales(long_side_px: float) -> Iterator[float]:
    """Yield how many times larger the picture may have been before it was cut."""
    step = 1 + _STEP / fastest_wave(long_side_px)
    scale = step
    while scale <= _LARGEST_SCALE:
        yield scale
        scale *= step


def _look(
    detail: Plane, long_side_px: float, scale: float, patterns: Mapping[int, Pattern]
) -> Found:
    """Return the likeliest mark of a picture whose long side was `scale` times longer."""
    side = _side(long_side_px * scale)
    spectrum = spectrum_of(_placed(detail, scale, side), side)
    readings = (
        Found(read(directions(spectrum, band), pattern, band), version)
        for band in bands_to_read(long_side_px * scale)
        for version, pattern in patterns.items()
    )
    return max(readings, key=lambda found: found.reading.score)


def _placed(detail: Plane, scale: float, side: int) -> Plane:
    """Return the detail in a corner of a square, which the whole picture would fill."""
    zoom = side / (max(detail.shape) * scale)
    offset = (zoom - 1) / 2  # pixels are areas: the middle of the first stays in its corner
    matrix = np.array([[zoom, 0, offset], [0, zoom, offset]])
    return np.asarray(cv2.warpAffine(detail, matrix, (side, side), flags=cv2.INTER_LINEAR))


def _side(long_side_px: float) -> int:
    """Return the side of the square whose spectrum is taken: a power of two, for speed."""
    return min(1 << math.ceil(math.log2(2 * long_side_px)), GRID)
