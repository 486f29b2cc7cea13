"""A picture's encoding, with the plain words that say a machine made it."""

import zlib
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from instantid_server.contract import OutputFormat
from instantid_server.images import RGB
from instantid_server.trust.xmp import xmp_packet

# Less than half of the default's time. Runs are all that is worth looking for: the noise of a mark
# leaves no longer repetitions.
_PNG_LEVEL, _PNG_STRATEGY = 1, zlib.Z_RLE
_PNG_XMP_KEY = "XML:com.adobe.xmp"

MIME_TYPES = {
    OutputFormat.PNG: "image/png",
    OutputFormat.JPEG: "image/jpeg",
    OutputFormat.WEBP: "image/webp",
}


def encode_labelled(image: RGB, output_format: OutputFormat, quality: int) -> bytes:
    """Return `image` encoded; `quality` is for JPEG and WebP, PNG loses nothing."""
    buffer = BytesIO()
    picture = Image.fromarray(image)
    if output_format is OutputFormat.PNG:
        label = PngInfo()
        label.add_itxt(_PNG_XMP_KEY, xmp_packet().decode())
        picture.save(
            buffer, "PNG", pnginfo=label, compress_level=_PNG_LEVEL, compress_type=_PNG_STRATEGY
        )
    else:
        picture.save(buffer, output_format.upper(), quality=quality, xmp=xmp_packet())
    return buffer.getvalue()
