"""Encoded pictures to RGB arrays, as a person sees them."""

import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from instantid_server.contract import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    MIN_IMAGE_SIDE_PX,
)
from instantid_server.errors import ImageTooLarge, ImageUnreadable

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")  # each decoder we open is one more to attack
BACKGROUND = (255, 255, 255)  # what shows through a transparent photo

# Pillow's decoders raise whatever their parsing stumbles over.
_DECODING_ERRORS = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

RGB = NDArray[np.uint8]  # (height, width, 3)


def decode_image(encoded: bytes, name: str) -> RGB:
    """Return the picture upright, in RGB, on white; `name` is the input it came by.

    Raises ImageUnreadable or ImageTooLarge. Sizes are checked in the header, before any decoding.
    """
    if len(encoded) > MAX_IMAGE_BYTES:
        raise ImageTooLarge(f"{name}: expected at most {MAX_IMAGE_BYTES} bytes, got {len(encoded)}")
    try:
        with Image.open(BytesIO(encoded), formats=FORMATS) as picture:
            _check_header(picture, name)
            picture.load()
            return np.asarray(_to_rgb(ImageOps.exif_transpose(picture)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"{name}: expected at most {MAX_IMAGE_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        kinds = ", ".join(FORMATS)
        raise ImageUnreadable(f"{name}: expected a picture ({kinds}), got other bytes") from error
    except _DECODING_ERRORS as error:
        raise ImageUnreadable(f"{name}: the picture is damaged or cut off") from error


def _check_header(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    if width * height > MAX_IMAGE_PIXELS:
        raise ImageTooLarge(
            f"{name}: expected at most {MAX_IMAGE_PIXELS} pixels, got {width}x{height}"
        )
    if min(width, height) < MIN_IMAGE_SIDE_PX:
        raise ImageUnreadable(
            f"{name}: expected at least {MIN_IMAGE_SIDE_PX} pixels a side, got {width}x{height}"
        )
    # Phones keep depth or a brighter version behind a photo, as further pictures of an MPO file.
    if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
        raise ImageUnreadable(f"{name}: expected one still picture, got an animation")


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a pixel, or more
        values = np.asarray(picture, dtype=np.float64)
        return Image.fromarray((values.clip(0, 65535) / 257).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        canvas = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
        return Image.alpha_composite(canvas, layer).convert("RGB")
    return picture.convert("RGB")
