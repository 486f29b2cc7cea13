"""The activity of a picture: where it is busy enough to hide more of a mark."""

import cv2
import numpy as np

from instantid_server.trust.marks.canonical import Plane

_WINDOW = 1 / 48  # of the long side
_WINDOW_AT_LEAST_PX = 5
_STEP = 18.0  # grey levels of contrast that hide a mark of 1
_STEEPNESS = 1.3  # grass, sand and the like drown a mark that grows no faster than their contrast
_BUSIEST = 4.2


def activity(luma: Plane) -> Plane:
    """Return what each point hides of a mark, from 0 where the picture is smooth to 4.2."""
    side = max(2 * round(max(luma.shape) * _WINDOW / 2) + 1, _WINDOW_AT_LEAST_PX)
    mean = cv2.blur(luma, (side, side))
    variance = cv2.blur(luma * luma, (side, side)) - mean * mean
    contrast = np.sqrt(np.maximum(variance, 0))
    return np.asarray(np.minimum((contrast / _STEP) ** _STEEPNESS, _BUSIEST), np.float32)
