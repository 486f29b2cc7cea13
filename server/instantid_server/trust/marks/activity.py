"""The activity of a picture: where it is busy enough to hide more of a mark."""

import cv2
import numpy as np

from instantid_server.trust.marks.canonical import Plane

_WINDOW = 1 / 48  # of the long side
_WINDOW_AT_LEAST_PX = 5
_SMOOTH, _BUSY = 0.8, 5.0  # what a mark's amplitude is multiplied with
_STEP = 18.0  # grey levels of contrast that make a mark one step stronger
_STEEPNESS = 1.3  # grass, sand and the like drown a mark that grows no faster than their contrast


def activity(luma: Plane) -> Plane:
    """Return how strong a mark may be at each point, 0.8 where smooth to 5 where busiest."""
    side = max(2 * round(max(luma.shape) * _WINDOW / 2) + 1, _WINDOW_AT_LEAST_PX)
    mean = cv2.blur(luma, (side, side))
    variance = cv2.blur(luma * luma, (side, side)) - mean * mean
    contrast = np.sqrt(np.maximum(variance, 0))
    return np.asarray(
        np.clip(_SMOOTH + (contrast / _STEP) ** _STEEPNESS, _SMOOTH, _BUSY), np.float32
    )
