"""The body of an encoded picture: where in the file its pixels are, between what describes them."""

import struct

from instantid_server.contract import OutputFormat

_PNG_START = 8  # after the signature
_WEBP_START = 12  # after "RIFF", the size and "WEBP"
_WEBP_PIXELS = (b"VP8 ", b"VP8L")


def image_body(file: bytes, output_format: OutputFormat) -> slice:
    """Return where the pixels are, the frame of their chunks included."""
    if output_format is OutputFormat.PNG:
        return _png_body(file)
    if output_format is OutputFormat.WEBP:
        return _webp_body(file)
    # Everything from "start of scan" on; no length is written there, for it ends with the file.
    return slice(file.index(b"\xff\xda"), len(file))


def with_body(file: bytes, output_format: OutputFormat, body: bytes) -> bytes:
    """Return `file` with other pixels, in a frame that every decoder takes for whole."""
    place = image_body(file, output_format)
    changed = file[: place.start] + body + file[place.stop :]
    if output_format is OutputFormat.WEBP:
        return changed[:4] + struct.pack("<I", len(changed) - 8) + changed[8:]
    return changed


def _png_body(file: bytes) -> slice:
    position, first = _PNG_START, 0
    while True:
        (length,) = struct.unpack_from(">I", file, position)
        kind = file[position + 4 : position + 8]
        if kind == b"IDAT" and not first:
            first = position
        if first and kind != b"IDAT":
            return slice(first, position)
        position += 12 + length  # length, kind, checksum


def _webp_body(file: bytes) -> slice:
    position = _WEBP_START
    while file[position : position + 4] not in _WEBP_PIXELS:
        position += _chunk_size(file, position)
    return slice(position, position + _chunk_size(file, position))


def _chunk_size(file: bytes, position: int) -> int:
    (length,) = struct.unpack_from("<I", file, position + 4)
    return int(8 + length + length % 2)  # kind, length, and a byte that makes it even
