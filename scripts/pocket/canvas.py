"""The canvas: antialiased shapes on an RGB picture, drawn larger and shrunk at the end."""

import cv2
import numpy as np

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.person import Colour

SUPERSAMPLING = 2
_FRACTION_BITS = 3


class Canvas:
    """A square uint8 RGB picture; every coordinate is a share of its side."""

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self.side = size_px * SUPERSAMPLING
        self.pixels = np.zeros((self.side, self.side, 3), np.uint8)

    def polygon(self, points: Floats, colour: Colour) -> None:
        """Fill the polygon of points [n, 2]."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], colour, cv2.LINE_AA, _FRACTION_BITS)

    def line(self, points: Floats, colour: Colour, width: float, closed: bool = False) -> None:
        """Stroke a polyline of points [n, 2] with a width given as share of the side."""
        thickness = max(1, round(width * self.side))
        fixed = [self._fixed(points)]
        cv2.polylines(self.pixels, fixed, closed, colour, thickness, cv2.LINE_AA, _FRACTION_BITS)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """Fill a circle."""
        scale = self.side * (1 << _FRACTION_BITS)
        place = (round(centre[0] * scale), round(centre[1] * scale))
        radius_fixed = max(1, round(radius * scale))
        cv2.circle(self.pixels, place, radius_fixed, colour, -1, cv2.LINE_AA, _FRACTION_BITS)

    def gradient(self, top: Colour, bottom: Colour) -> None:
        """Fill the whole picture from one colour above to another below."""
        ramp = np.linspace(0, 1, self.side)[:, None]
        rows = np.asarray(top) * (1 - ramp) + np.asarray(bottom) * ramp
        self.pixels[:] = rows.astype(np.uint8)[:, None]

    def picture(self) -> Picture:
        """Return the finished picture [size_px, size_px, 3]."""
        size = (self.size_px, self.size_px)
        return cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)

    def _fixed(self, points: Floats) -> Floats:
        scaled: Floats = np.round(points * (self.side * (1 << _FRACTION_BITS))).astype(np.int32)
        return scaled


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """Return the colour with a share 0..1 of the other in it."""
    red, green, blue = (a * (1 - share) + b * share for a, b in zip(colour, other, strict=True))
    return red, green, blue


def ellipse(centre: tuple[float, float], radii: tuple[float, float], count: int = 40) -> Floats:
    """Return the outline [count, 2] of an upright ellipse."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack(
        [centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)], 1
    )
