"""Retouching: the few OpenCV operations that pictures go through, uint8 in and uint8 out."""

import cv2
import numpy as np

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.person import Colour

BLACK: Colour = (0.0, 0.0, 0.0)


def resized(picture: Picture, side_px: int, smooth: bool = True) -> Picture:
    """Return the picture as a square; not smooth means every pixel becomes a block."""
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    if smooth and side_px < picture.shape[0]:
        how = cv2.INTER_AREA
    return cv2.resize(picture, (side_px, side_px), interpolation=how).astype(np.uint8)


def moved(picture: Picture, matrix: Floats, side_px: int, fill: Colour | None = BLACK) -> Picture:
    """Return the picture under the affine matrix [2, 3]; no fill means its border goes on."""
    border = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    around = BLACK if fill is None else fill
    warped = cv2.warpAffine(
        picture, matrix, (side_px, side_px), borderMode=border, borderValue=around
    )
    return warped.astype(np.uint8)


def turn(middle: tuple[float, float], degrees: float, scale: float) -> Floats:
    """Return the affine matrix [2, 3] that turns and scales around a point."""
    return cv2.getRotationMatrix2D(middle, degrees, scale).astype(np.float64)


def blurred(picture: Picture, sigma_px: float) -> Picture:
    """Return the picture out of focus."""
    return cv2.GaussianBlur(picture, (0, 0), sigma_px).astype(np.uint8)


def compressed(picture: Picture, quality: int) -> Picture:
    """Return the picture after a JPEG file of that quality."""
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(np.uint8)


def noisy(picture: Picture, rng: np.random.Generator, strength: float, cells: int) -> Picture:
    """Return the picture with noise of so many cells a side, coarser than pixels if fewer."""
    noise = rng.normal(0, strength, (cells, cells, 3)).astype(np.float32)
    grown = cv2.resize(noise, (picture.shape[1], picture.shape[0]))
    return np.clip(picture + grown, 0, 255).astype(np.uint8)


def relit(picture: Picture, gain: float, offset: float) -> Picture:
    """Return the picture with every value times gain plus offset."""
    return np.clip(picture * gain + offset, 0, 255).astype(np.uint8)
