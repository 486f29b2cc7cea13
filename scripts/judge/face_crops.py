"""Face crops: a face turned upright and cut out from brows to chin."""

import numpy as np
from insightface.utils.face_align import estimate_norm

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.retouch import moved

CROP_PX = 96
# insightface's template of 112 pixels ends above the chin. At this scale the whole face fits, ears
# included, and a pixel of the crop is about as large as one of the drawing.
_SCALE = 0.74
_SHIFT_PX = ((CROP_PX - 112 * _SCALE) / 2, -4.0)


def crop_face(picture: Picture, keypoints: Floats) -> Picture:
    """Return the face [96, 96, 3] whose five keypoints [5, 2] lie nearest to the template."""
    matrix = np.asarray(estimate_norm(keypoints)) * _SCALE
    matrix[:, 2] += _SHIFT_PX
    return moved(np.asarray(picture), matrix, CROP_PX, fill=None)
