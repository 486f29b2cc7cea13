"""Training of the autoencoder, on crops that half the time show a face's features.

Its decoder alone can be trained further at any time: the latents stay what they are, and with them
everything that was trained on them.
"""

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss

from scripts.pocket.arrays import Picture
from scripts.pocket.drawings import Drawings
from scripts.pocket.identity_loss import IdentityLoss
from scripts.pocket.latents import LatentCache
from scripts.pocket.networks import LATENT_CHANNELS, new_vae
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)
from scripts.pocket.workers import rank

# (share of the training time, side of the crops in pixels, crops a step): many cheap steps first,
# whole pictures last, for the norms see what they will see in use.
_STAGES = ((0.78, 32, 16), (0.92, 64, 5), (1.0, 128, 2))
_COLOUR_WEIGHT = 20.0  # on the mean of every 8x8 patch; colours otherwise come long after shapes
_EDGE_WEIGHT = 1.0  # outlines and eyes are edges; plain L1 is content with soft ones
_KL_WEIGHT = 1e-4
_DECODER_BATCH = 4
_LATENT_NOISE = 0.3  # at most; drawn latents are never as exact as encoded ones
_LIKENESS_WEIGHT = 0.1
_FIRST_LOG_VARIANCE = -4.0  # little noise at first, or nothing is learned through it


def train_vae(drawings: Drawings, options: RunOptions, seed: int = 0) -> None:
    """Train the autoencoder for the time that the options allow."""
    device = training_device()
    vae = on_training_device(new_vae())
    torch.nn.init.constant_(vae.quant_conv.bias[LATENT_CHANNELS:], _FIRST_LOG_VARIANCE)
    run = TrainingRun(vae, options)
    rng = np.random.default_rng([seed, run.step])
    for _ in run.steps():
        crop_px, batch = _stage(run.progress)
        crops = _crops(drawings, rng, crop_px, batch)
        run.update(reconstruction_loss(vae, crops.to(device, memory_format=torch.channels_last)))


def reconstruction_loss(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Return the loss on pictures [rows, 3, h, w] in [-1, 1]."""
    posterior = vae.encode(pictures).latent_dist
    noise = torch.randn_like(posterior.mean)
    restored = vae.decode(posterior.mean + posterior.std * noise).sample
    kl = 0.5 * (posterior.mean**2 + posterior.var - 1 - posterior.logvar).mean()
    loss: Tensor = picture_loss(restored, pictures) + _KL_WEIGHT * kl
    return loss


def train_decoder(
    vae: AutoencoderKL,
    latents: LatentCache,
    drawings: Drawings,
    identity: IdentityLoss,
    options: RunOptions,
    seed: int = 0,
) -> None:
    """Train the decoder on whole pictures, so that their faces keep what tells persons apart."""
    device = training_device()
    on_training_device(vae).requires_grad_(False)
    half = on_training_device(decoding_half(vae)).requires_grad_(True)
    run = TrainingRun(half, options)
    rng = np.random.default_rng([seed, run.step, rank()])
    torch.manual_seed(1000 * (seed + run.step) + rank())
    for _ in run.steps():
        rows = latents.draw(rng, _DECODER_BATCH)
        keypoints = drawings.keypoints[rows]
        pictures = _as_input(drawings.pictures[rows]).to(device)
        exact = latents.rows(rows).to(device)
        noise = torch.rand(len(rows), 1, 1, 1, device=device) * _LATENT_NOISE
        restored = vae.decode(exact + noise * torch.randn_like(exact)).sample
        with torch.no_grad():
            persons = identity.embed(pictures, keypoints)
        likeness = identity(restored, keypoints, persons).mean()
        run.update(picture_loss(restored, pictures) + _LIKENESS_WEIGHT * likeness)


def decoding_half(vae: AutoencoderKL) -> nn.ModuleDict:
    """Return the part of an autoencoder that makes pictures of latents."""
    return nn.ModuleDict({"post_quant_conv": vae.post_quant_conv, "decoder": vae.decoder})


def picture_loss(restored: Tensor, pictures: Tensor) -> Tensor:
    """Return how far restored pictures [rows, 3, h, w] are off, in [-1, 1]."""
    down, across = (l1_loss(restored.diff(dim=axis), pictures.diff(dim=axis)) for axis in (2, 3))
    colours = mse_loss(_opponent_colours(restored), _opponent_colours(pictures))
    return l1_loss(restored, pictures) + _COLOUR_WEIGHT * colours + _EDGE_WEIGHT * (down + across)


def _opponent_colours(pictures: Tensor) -> Tensor:
    """Return lightness, red against green, and blue against both, of every 8x8 patch."""
    red, green, blue = avg_pool2d(pictures, 8).unbind(1)
    return torch.stack([(red + green + blue) / 3, red - green, blue - (red + green) / 2], dim=1)


def _stage(progress: float) -> tuple[int, int]:
    """Return the crops' side and number at a point 0..1 of the training."""
    return next((px, batch) for until, px, batch in _STAGES if progress <= until or until == 1.0)


def _crops(drawings: Drawings, rng: np.random.Generator, crop_px: int, batch: int) -> Tensor:
    """Return random crops [batch, 3, crop_px, crop_px] in [-1, 1]."""
    crops = np.empty((batch, crop_px, crop_px, 3), np.uint8)
    room = drawings.pictures.shape[1] - crop_px
    for place in range(batch):
        row = int(rng.integers(len(drawings.pictures)))
        left, top = rng.integers(0, room + 1, 2)
        if rng.random() < 0.5:
            middle = drawings.keypoints[row].mean(0) + rng.uniform(-24, 24, 2)
            left, top = np.clip(middle - crop_px / 2, 0, room).astype(int)
        crops[place] = drawings.pictures[row, top : top + crop_px, left : left + crop_px]
    return _as_input(crops)


def _as_input(pictures: Picture) -> Tensor:
    inputs = torch.from_numpy(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return inputs.contiguous(memory_format=torch.channels_last)
