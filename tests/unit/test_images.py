"""Photos as people send them, and pictures as they go out."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from instantid_server.contract import MAX_IMAGE_BYTES
from instantid_server.errors import ImageTooLarge, ImageUnreadable
from instantid_server.images import decode_image

ORIENTATION = 0x0112  # EXIF's tag
HEIGHT, WIDTH = 24, 32
BLUE = (0, 0, 255)


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """Return the colours in the four corners, clockwise from the upper left."""
    places = ((2, 2), (2, -3), (-3, -3), (-3, 2))
    return [tuple(pixels[y, x].tolist()) for y, x in places]


def four_colours() -> Image.Image:
    """Return a picture with another colour in each quarter."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[: HEIGHT // 2, : WIDTH // 2] = (255, 0, 0)
    pixels[: HEIGHT // 2, WIDTH // 2 :] = (0, 255, 0)
    pixels[HEIGHT // 2 :, WIDTH // 2 :] = BLUE
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def plain(mode: str, colour: float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (WIDTH, HEIGHT), colour)


def animation(kind: str) -> bytes:
    buffer = BytesIO()
    frames = [plain("RGB", (shade, 0, 0)) for shade in (0, 128, 255)]
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that declares its size and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


# What must be done to a picture stored with an EXIF orientation to see it upright.
UPRIGHT = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels.transpose(1, 0, 2)[:, ::-1],
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda pixels: pixels.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_rotated_photo_is_seen_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = BytesIO()
    four_colours().save(buffer, "PNG", exif=exif)
    expected = UPRIGHT[orientation](np.asarray(four_colours()))
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), "face_image"), expected)


@pytest.mark.parametrize(
    ("picture", "kind", "expected"),
    [
        pytest.param(plain("RGB", BLUE), "PNG", BLUE, id="rgb"),
        pytest.param(plain("RGB", BLUE), "BMP", BLUE, id="bmp"),
        pytest.param(plain("RGB", BLUE), "TIFF", BLUE, id="tiff"),
        pytest.param(plain("L", 100), "PNG", (100,) * 3, id="grey"),
        pytest.param(plain("L", 100), "JPEG", (100,) * 3, id="grey-jpeg"),
        pytest.param(plain("1", 1), "PNG", (255,) * 3, id="black-and-white"),
        pytest.param(plain("I;16", 100 * 257), "PNG", (100,) * 3, id="16-bit"),
        pytest.param(plain("I;16", 65535), "PNG", (255,) * 3, id="16-bit-white"),
        pytest.param(plain("CMYK", (255, 255, 0, 0)), "TIFF", BLUE, id="cmyk"),
        pytest.param(plain("RGB", BLUE).convert("P"), "PNG", BLUE, id="palette"),
        pytest.param(plain("RGBA", (0, 0, 0, 0)), "PNG", (255,) * 3, id="transparent"),
        pytest.param(plain("LA", (0, 0)), "PNG", (255,) * 3, id="transparent-grey"),
        pytest.param(plain("RGBA", (0, 0, 0, 51)), "PNG", (204,) * 3, id="half-transparent"),
        pytest.param(plain("RGBA", (*BLUE, 255)), "WEBP", BLUE, id="webp"),
    ],
)
def test_photo_becomes_rgb_as_a_person_sees_it(
    picture: Image.Image, kind: str, expected: tuple[int, ...]
) -> None:
    pixels = decode_image(encoded(picture, kind), "face_image")
    assert (pixels.shape, pixels.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    np.testing.assert_allclose(pixels[5, 5].astype(int), expected, atol=2)


def test_cmyk_jpeg_keeps_its_colours() -> None:
    jpeg = encoded(four_colours().convert("CMYK"), "JPEG")
    np.testing.assert_allclose(
        corners(decode_image(jpeg, "face_image")), corners(np.asarray(four_colours())), atol=12
    )


def test_transparent_palette_colour_becomes_white() -> None:
    picture = plain("P", 0)
    picture.putpalette([10, 20, 30])
    picture.info["transparency"] = 0
    assert decode_image(encoded(picture), "face_image")[3, 3].tolist() == [255, 255, 255]


def test_photo_with_a_second_picture_behind_it_is_read_as_the_first() -> None:
    # Phones store depth or a brighter version behind the photo, in one MPO file.
    buffer = BytesIO()
    four_colours().save(
        buffer, "MPO", save_all=True, append_images=[plain("RGB", BLUE)], quality=95
    )
    pixels = decode_image(buffer.getvalue(), "face_image")
    np.testing.assert_allclose(corners(pixels), corners(np.asarray(four_colours())), atol=12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "got other bytes", id="empty"),
        pytest.param(b"GIF89a, or so", "got other bytes", id="not-a-picture"),
        pytest.param(b"%PDF-1.7", "got other bytes", id="pdf"),
        pytest.param(animation("GIF"), "got other bytes", id="animated-gif"),
        pytest.param(animation("WEBP"), "expected one still picture", id="animated-webp"),
        pytest.param(animation("PNG"), "expected one still picture", id="animated-png"),
        pytest.param(animation("TIFF"), "expected one still picture", id="pages"),
        pytest.param(encoded(four_colours())[:-60], "is damaged or cut off", id="cut-png"),
        pytest.param(encoded(four_colours(), "JPEG")[:-60], "is damaged or cut off", id="cut-jpeg"),
        pytest.param(png_header(64, 64), "is damaged or cut off", id="header-only"),
        pytest.param(
            encoded(Image.new("RGB", (1, 1))),
            "expected at least 16 pixels a side, got 1x1",
            id="one-pixel",
        ),
        pytest.param(
            encoded(Image.new("RGB", (15, 400))),
            "expected at least 16 pixels a side, got 15x400",
            id="thin",
        ),
    ],
)
def test_unreadable_photo_is_refused_by_the_name_of_its_input(content: bytes, message: str) -> None:
    with pytest.raises(ImageUnreadable, match=rf"\[IMAGE_UNREADABLE\] face_image: .*{message}"):
        decode_image(content, "face_image")


@pytest.mark.parametrize(
    "size",
    [
        pytest.param((20_000, 20_000), id="gigantic"),  # Pillow itself refuses this one
        pytest.param((9_000, 10_000), id="suspicious"),  # and warns of this one
        pytest.param((8_000, 5_001), id="a-little-too-large"),
    ],
)
def test_too_many_pixels_are_refused_by_the_header_alone(size: tuple[int, int]) -> None:
    # Reading a single pixel of it would say that the file is cut off.
    with pytest.raises(ImageTooLarge, match="pose_image: expected at most 40000000 pixels"):
        decode_image(png_header(*size), "pose_image")


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ImageTooLarge, match=f"at most {MAX_IMAGE_BYTES} bytes, got"):
        decode_image(encoded(four_colours()) + bytes(MAX_IMAGE_BYTES), "face_image")


@pytest.mark.filterwarnings("ignore")  # Pillow also warns of what is wrong
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_damaged_photos_are_refused_and_never_break_the_decoder(kind: str) -> None:
    random = np.random.default_rng(0)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    buffer = BytesIO()
    options = {} if kind == "BMP" else {"exif": exif}
    four_colours().save(buffer, kind, **options)
    for _ in range(60):
        damaged = np.frombuffer(buffer.getvalue(), np.uint8).copy()
        places = random.integers(0, len(damaged), 6)
        damaged[places] = random.integers(0, 256, 6)
        with suppress(ImageUnreadable, ImageTooLarge):
            assert decode_image(damaged.tobytes(), "face_image").shape[2] == 3
