"""Previews: what a picture is going to be, read off its latents without a decoder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from instantid_server.contract import OutputFormat
from instantid_server.images import encode_image

PREVIEW_QUALITY = 80


@dataclass(frozen=True)
class LatentPalette:
    """A linear map from the VAE's latents to RGB in [0, 1], fitted to its decoder."""

    weight: NDArray[np.float32]  # (channels, 3)
    bias: NDArray[np.float32]  # (3,)

    def preview(self, latents: Tensor) -> NDArray[np.object_]:
        """Return a WebP at latent size for each of (pictures, channels, height, width)."""
        colours = latents.permute(0, 2, 3, 1).numpy() @ self.weight + self.bias
        pixels = (colours.clip(0, 1) * 255).round().astype(np.uint8)
        encoded = [encode_image(image, OutputFormat.WEBP, PREVIEW_QUALITY) for image in pixels]
        return np.array(encoded, dtype=np.object_)
