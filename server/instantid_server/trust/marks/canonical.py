"""The canonical picture: in grey, no larger than the grid of the waves, its detail evened out."""

import cv2
import numpy as np
from numpy.typing import NDArray

from instantid_server.images import RGB

GRID = 512  # points a side: four for each swing of the fastest wave

# In points of the grid; tuned on drawings, photographs and textures.
_DETAIL = 2.5  # what is coarser says nothing about a mark
_NEIGHBOURHOOD = 2.0  # over which all contrast is made alike
_FLAT = 1.5  # grey levels, so that noise in a smooth place is not blown up
_AT_MOST = 2.0  # of the contrast around: an edge counts no more

Plane = NDArray[np.float32]  # (height, width)


def luma_on_grid(image: RGB) -> Plane:
    """Return the picture in grey, its long side GRID at most."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    scale = GRID / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return np.asarray(luma, np.float32)


def even_out(luma: Plane) -> Plane:
    """Return the detail alone, with about the same contrast everywhere."""
    detail = luma - _blur(luma, _DETAIL)
    contrast = np.sqrt(_blur(detail * detail, _NEIGHBOURHOOD))
    return np.clip(detail / (contrast + _FLAT), -_AT_MOST, _AT_MOST)


def _blur(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
