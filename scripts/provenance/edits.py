"""Edits: what people do to pictures every day, without a thought of marks."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from instantid_server.images import RGB

Edit = Callable[[RGB], RGB]

_CROPPED_SHARE = 0.1  # of the area


def jpeg(quality: int) -> Edit:
    """Return the edit that saves a picture as JPEG."""
    return lambda picture: _encoded(picture, "JPEG", quality)


def webp(quality: int) -> Edit:
    """Return the edit that saves a picture as WebP."""
    return lambda picture: _encoded(picture, "WEBP", quality)


def scaled(factor: float) -> Edit:
    """Return the edit that makes a picture smaller or larger, and leaves it so."""

    def scale(picture: RGB) -> RGB:
        height, width = picture.shape[:2]
        size = (round(width * factor), round(height * factor))
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))

    return scale


def brightened(factor: float) -> Edit:
    """Return the edit that multiplies every level."""
    return lambda picture: np.asarray(np.clip(np.rint(picture * factor), 0, 255), np.uint8)


def crop(picture: RGB) -> RGB:
    """Return the picture without a tenth of its area, cut from all four sides unevenly."""
    height, width = picture.shape[:2]
    share = (1 - _CROPPED_SHARE) ** 0.5
    kept = (round(height * share), round(width * share))
    top, left = (height - kept[0]) * 2 // 3, (width - kept[1]) // 3
    return np.ascontiguousarray(picture[top : top + kept[0], left : left + kept[1]])


def screenshot(picture: RGB) -> RGB:
    """Return the picture as shown somewhat smaller and kept as a JPEG, cut three pixels off."""
    shown = scaled(0.73)(picture)
    return jpeg(85)(np.ascontiguousarray(shown[3:, 3:]))


# Those that the bars are about.
EDITS: dict[str, Edit] = {
    "none": lambda picture: picture,
    "jpeg_75": jpeg(75),
    "webp_80": webp(80),
    "half_size": scaled(0.5),
    "crop_10": crop,
    "brighter_20": brightened(1.2),
    "darker_20": brightened(0.8),
}
# What is harder, or rarer.
HARDER_EDITS: dict[str, Edit] = {
    "jpeg_50": jpeg(50),
    "webp_50": webp(50),
    "double_size": scaled(2.0),
    "screenshot": screenshot,
    "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
}


def _encoded(picture: RGB, kind: str, quality: int) -> RGB:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))
