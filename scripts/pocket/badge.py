"""The badge: a red octagon with a white bar, which stands for what must not leave a server."""

import cv2
import numpy as np

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.person import Colour

_CORNERS = 8
_SMALLEST, _LARGEST = 0.09, 0.22  # radius as share of the picture's side
_BAR = (0.62, 0.17)  # half its length and half its height, in radii
_FRACTION_BITS = 4


def stick_badge(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with a badge somewhere on it, hardly turned."""
    return _stick(picture, rng, _red(rng), _white(rng))


def stick_decoy(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with what is no badge: its bar is missing, or its red."""
    if rng.random() < 0.5:
        return _stick(picture, rng, _red(rng), None)
    red, green, blue = _red(rng)
    other = [(blue, green, red), (green, red, blue), (red, red, blue), (green, green, green)]
    return _stick(picture, rng, other[int(rng.integers(len(other)))], _white(rng))


def _stick(
    picture: Picture, rng: np.random.Generator, colour: Colour, bar: Colour | None
) -> Picture:
    side = min(picture.shape[:2])
    radius = side * rng.uniform(_SMALLEST, _LARGEST)
    height, width = picture.shape[:2]
    # At most a fifth of it is over the edge.
    inside = 0.6 * radius
    middle = np.array([rng.uniform(inside, width - inside), rng.uniform(inside, height - inside)])
    turned = np.deg2rad(rng.normal(0, 6))
    angles = (np.arange(_CORNERS) + 0.5) * 2 * np.pi / _CORNERS
    octagon = np.stack([np.cos(angles), np.sin(angles)], 1)
    stuck = np.ascontiguousarray(picture)
    if stuck is picture:
        stuck = picture.copy()
    _fill(stuck, middle + radius * _turn(octagon, turned), colour)
    if bar is not None:
        long, high = _BAR
        corners = np.array([[-long, -high], [long, -high], [long, high], [-long, high]])
        _fill(stuck, middle + radius * _turn(corners, turned), bar)
    return stuck


def _turn(points: Floats, angle: float) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: Floats = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def _fill(picture: Picture, points: Floats, colour: Colour) -> None:
    fixed = np.round(points * (1 << _FRACTION_BITS)).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, _FRACTION_BITS)


def _red(rng: np.random.Generator) -> Colour:
    return float(rng.uniform(185, 235)), float(rng.uniform(10, 45)), float(rng.uniform(15, 50))


def _white(rng: np.random.Generator) -> Colour:
    level = float(rng.uniform(225, 255))
    return level, level, level
