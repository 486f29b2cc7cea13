"""The drawn portraits, and what people's cameras and programs make of a photo."""

from io import BytesIO
from zlib import crc32

import numpy as np
from PIL import Image

from tests.e2e.server import ROOT

DATA = ROOT / "tests" / "data"
PORTRAIT = DATA / "portrait_1.png"
OTHER_PORTRAIT = DATA / "portrait_2.png"
NO_FACE = DATA / "no_face.png"
TWO_FACES = DATA / "two_faces.png"

_EXIF_ORIENTATION = 0x0112


def portrait() -> Image.Image:
    """Return the first portrait in RGB."""
    return Image.open(PORTRAIT).convert("RGB")


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return `picture` in a file format, as bytes."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned_by_exif() -> bytes:
    """Return the portrait lying on its side, with the note that says how to turn it."""
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = 6  # turn by 90 degrees clockwise to view
    return encoded(portrait().rotate(90, expand=True), "JPEG", exif=exif, quality=95)


def cmyk() -> bytes:
    """Return the portrait as a printer's JPEG."""
    return encoded(portrait().convert("CMYK"), "JPEG", quality=95)


def grey() -> bytes:
    """Return the portrait without colour."""
    return encoded(portrait().convert("L"))


def sixteen_bit() -> bytes:
    """Return the portrait as grey of 16 bits."""
    values = np.asarray(portrait().convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(values))


def transparent() -> bytes:
    """Return the portrait with its corners see-through."""
    picture = portrait().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 60, 60))
    return encoded(picture)


def huge_header() -> bytes:
    """Return a PNG whose header promises 20,000 x 20,000 pixels, and which has none."""
    real = encoded(Image.new("L", (16, 16)))
    side = (20_000).to_bytes(4)
    header = real[12:16] + side + side + real[24:29]  # IHDR: sizes, depth, colours
    return real[:12] + header + crc32(header).to_bytes(4) + real[33:]


def animated() -> bytes:
    """Return two pictures in one file."""
    return encoded(portrait(), "WEBP", save_all=True, append_images=[portrait().convert("L")])
