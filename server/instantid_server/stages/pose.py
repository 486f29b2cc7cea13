"""The keypoint map: the picture of five facial points that IdentityNet looks at."""

from dataclasses import dataclass
from math import atan2, degrees, hypot

import cv2
import numpy as np
from numpy.typing import NDArray

# Order of the points: left and right eye, nose, left and right mouth corner, as seen.
POINT_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
LIMBS = ((0, 2), (1, 2), (3, 2), (4, 2))  # every limb ends in the nose
LIMB_DIMMING = 0.6  # limbs are dimmed, the dots drawn after them are not


@dataclass(frozen=True)
class KeypointMapSize:
    """How thick the map is drawn, in pixels; IdentityNet's weights were trained on one size."""

    limb_width_px: int = 4
    dot_radius_px: int = 10


def draw_keypoints(
    face_keypoints: NDArray[np.float32], height: int, width: int, size: KeypointMapSize
) -> NDArray[np.uint8]:
    """Draw `face_keypoints` (faces, 5, 2) in pixels as an RGB picture (height, width, 3).

    Follows `draw_kps` of InstantID's pipeline: limbs as filled ellipses in the colour of their
    first point, dimmed, then dots at full colour, nothing antialiased and no size scaled.
    """
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    for points in face_keypoints:
        for start, end in LIMBS:
            _draw_limb(canvas, points[start], points[end], POINT_COLOURS[start], size.limb_width_px)
    canvas = (canvas * LIMB_DIMMING).astype(np.uint8)
    for points in face_keypoints:
        for (x, y), colour in zip(points, POINT_COLOURS, strict=True):
            cv2.circle(canvas, (int(x), int(y)), size.dot_radius_px, colour, -1)
    return canvas


def _draw_limb(
    canvas: NDArray[np.uint8],
    start: NDArray[np.float32],
    end: NDArray[np.float32],
    colour: tuple[int, int, int],
    limb_width_px: int,
) -> None:
    (x0, y0), (x1, y1) = start.tolist(), end.tolist()
    polygon = cv2.ellipse2Poly(
        (int((x0 + x1) / 2), int((y0 + y1) / 2)),
        (int(hypot(x0 - x1, y0 - y1) / 2), limb_width_px),
        int(degrees(atan2(y0 - y1, x0 - x1))),
        0,
        360,
        1,
    )
    cv2.fillConvexPoly(canvas, np.array(polygon), colour)
