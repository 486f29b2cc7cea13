"""Previews: what a picture is going to be, read off its latents without a decoder."""

from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from instantid_server.trust.xmp import xmp_packet

LABEL = "preview"

LAST_SHARE = 0.8  # of the steps; later than that the picture itself is about to come
_MIN_WIDTH_PX, _MIN_HEIGHT_PX = (
    128,
    32,
)  # the label takes less than half of the one, 2/3 of the other
_LABEL_FONT_PX = 12
_LABEL_PADDING_PX = 4
_QUALITY = 80
_METHOD = 0  # the fastest search, half the time of the default; a preview is looked at once

RGB = NDArray[np.uint8]  # (height, width, 3)


def is_due(step: int, total: int, every: int) -> bool:
    """Tell whether a preview follows step number `step` of `total`; `every` 0: never."""
    return every > 0 and step % every == 0 and step <= LAST_SHARE * total


@dataclass(frozen=True)
class LatentPalette:
    """A linear map from the VAE's latents to RGB in [0, 1], fitted to its decoder."""

    weight: NDArray[np.float32]  # (channels, 3)
    bias: NDArray[np.float32]  # (3,)

    def preview(self, latents: Tensor) -> NDArray[np.object_]:
        """Return a labelled WebP for each of (pictures, channels, height, width).

        One pixel a latent, or a square of them where the label would not fit.
        """
        colours = latents.permute(0, 2, 3, 1).numpy() @ self.weight + self.bias
        pixels = (colours.clip(0, 1) * 255).round().astype(np.uint8)
        height, width = pixels.shape[1:3]
        scale = max(1, -(-_MIN_WIDTH_PX // width), -(-_MIN_HEIGHT_PX // height))
        enlarged = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
        label = _label()
        enlarged[:, -label.shape[0] :, : label.shape[1]] = label
        return np.array([_encode(image) for image in enlarged], dtype=np.object_)


@cache
def _label() -> RGB:
    """Return the word, white on black, as small as it can be read."""
    font = ImageFont.load_default(_LABEL_FONT_PX)
    left, top, right, bottom = font.getbbox(LABEL)
    size = (int(right - left) + 2 * _LABEL_PADDING_PX, int(bottom - top) + _LABEL_PADDING_PX)
    plate = Image.new("RGB", size, "black")
    corner = (_LABEL_PADDING_PX - left, _LABEL_PADDING_PX // 2 - top)
    ImageDraw.Draw(plate).text(corner, LABEL, fill="white", font=font)
    return np.asarray(plate)


def _encode(image: RGB) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=_QUALITY, method=_METHOD, xmp=xmp_packet())
    return buffer.getvalue()
