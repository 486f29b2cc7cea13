"""Latents: the drawings as the denoiser sees them, encoded once and kept on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from scripts.pocket.arrays import Picture, Rows, new_array, open_array
from scripts.pocket.drawings import Drawings
from scripts.pocket.networks import LATENT_CHANNELS
from scripts.pocket.training_state import on_training_device

_BATCH = 32


def standardise(vae: AutoencoderKL, drawings: Drawings, pictures: int = 400) -> None:
    """Give every latent channel mean 0 and deviation 1 by folding both into the 1x1 convolutions.

    The decoder then undoes it, so pictures stay the same and the scaling factor is 1.
    """
    rows = np.linspace(0, len(drawings.pictures) - 1, pictures).astype(int)
    batches = [
        _encode(vae, drawings.pictures[rows[at : at + _BATCH]]) for at in range(0, pictures, _BATCH)
    ]
    latents = torch.cat(batches)
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    with torch.no_grad():
        quant, post = vae.quant_conv, vae.post_quant_conv
        quant.bias[:LATENT_CHANNELS] -= mean
        for start in (0, LATENT_CHANNELS):
            part = slice(start, start + LATENT_CHANNELS)
            if start == 0:
                quant.weight[part] /= deviation.view(-1, 1, 1, 1)
                quant.bias[part] /= deviation
            else:
                quant.bias[part] -= 2 * deviation.log()  # the second half is log variance
        post.bias += (post.weight * mean.view(1, -1, 1, 1)).sum((1, 2, 3))
        post.weight *= deviation.view(1, -1, 1, 1)


class LatentCache:
    """Latents of the drawings' rows, encoded when first asked for and kept on disk."""

    def __init__(
        self, vae: AutoencoderKL, drawings: Drawings, folder: Path, enough: int | None = None
    ) -> None:
        """Open the cache; once `enough` rows are encoded, only those are drawn."""
        folder.mkdir(parents=True, exist_ok=True)
        self._vae = on_training_device(vae.eval())
        self._drawings = drawings
        rows = len(drawings.pictures)
        self._enough = rows if enough is None else enough
        side = drawings.pictures.shape[1] // 8
        self._latents = _open(
            folder / "latents.npy", (rows, LATENT_CHANNELS, side, side), np.float16
        )
        self._known = _open(folder / "known.npy", (rows,), np.bool_)

    def __len__(self) -> int:
        """Return how many rows there are, encoded or not."""
        return len(self._known)

    def draw(self, rng: np.random.Generator, size: int) -> Rows:
        """Return random rows [size]."""
        known = np.flatnonzero(self._known)
        if len(known) >= self._enough:
            return rng.choice(known, size)
        return rng.integers(len(self), size=size)

    def rows(self, rows: Rows) -> torch.Tensor:
        """Return float32 latents [rows, 12, 16, 16]."""
        missing = rows[~self._known[rows]]
        if len(missing) > 0:
            encoded = _encode(self._vae, self._drawings.pictures[missing])
            self._latents[missing] = encoded.half().cpu().numpy()
            self._known[missing] = True
        return torch.from_numpy(self._latents[rows]).float()


def _open(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    if path.exists():
        return open_array(path)
    return new_array(path, shape, dtype)


@torch.no_grad()
def _encode(vae: AutoencoderKL, pictures: Picture) -> torch.Tensor:
    inputs = torch.from_numpy(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    inputs = inputs.to(vae.device, memory_format=torch.channels_last)
    mean: torch.Tensor = vae.encode(inputs).latent_dist.mean
    return mean
