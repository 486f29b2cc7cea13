"""Training of the base: text encoders and denoiser, from captions to pictures, no identity yet."""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from scripts.pocket.arrays import Rows
from scripts.pocket.captions import training_caption
from scripts.pocket.diffusion import alphas_cumprod, noised
from scripts.pocket.drawings import Drawings
from scripts.pocket.latents import LatentCache
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)
from scripts.pocket.workers import rank

_BATCH = 8
TEXT_DROP = 0.1  # share of empty captions, which guidance needs
# Which share of the samples has less noise than at a timestep. Below 250 there is more than five
# times as much signal as noise; who and what is drawn is decided above 550.
_SHARES = (0.0, 0.08, 0.35, 1.0)
_TIMESTEPS = (0.0, 250.0, 550.0, 1000.0)
_STRANGE_SIZES = 0.1  # share of odd size numbers, so that larger pictures do not throw it off


class Base(nn.Module):
    """What makes pictures from captions."""

    def __init__(self, prompts: PromptEncoder, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.prompts = prompts
        self.unet = unet

    def forward(self, latents: Tensor, timesteps: Tensor, captions: list[str]) -> Tensor:
        """Return the predicted velocity for noisy latents [rows, 12, 16, 16]."""
        prompt_embeds, pooled = self.prompts(captions)
        velocity: Tensor = self.unet(
            latents,
            timesteps,
            prompt_embeds,
            added_cond_kwargs={
                "text_embeds": pooled,
                "time_ids": random_time_ids(len(latents)).to(latents.device),
            },
        ).sample
        return velocity


@dataclass(frozen=True)
class LatentBatch:
    """Rows of the training set with their latents and captions."""

    rows: Rows
    latents: Tensor  # float32 [batch, 12, 16, 16]
    captions: list[str]


def train_base(
    base: Base, latents: LatentCache, drawings: Drawings, options: RunOptions, seed: int = 0
) -> None:
    """Train denoiser and text encoders for the time that the options allow."""
    device = training_device()
    on_training_device(base)
    run = TrainingRun(base, options)
    rng = np.random.default_rng([seed, run.step, rank()])
    torch.manual_seed(1000 * (seed + run.step) + rank())
    alphas = alphas_cumprod().to(device)
    for _ in run.steps():
        batch = random_batch(latents, drawings, rng, _BATCH)
        timesteps = spread_timesteps(_BATCH).to(device)
        noisy, velocity = noised(batch.latents.to(device), timesteps, alphas)
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        run.update(mse_loss(base(noisy, timesteps, batch.captions), velocity))


def random_batch(
    latents: LatentCache, drawings: Drawings, rng: np.random.Generator, size: int
) -> LatentBatch:
    """Draw rows with fresh captions; a tenth of the captions is empty."""
    rows = latents.draw(rng, size)
    captions = [
        "" if rng.random() < TEXT_DROP else training_caption(drawings.scene(int(row)), rng)
        for row in rows
    ]
    return LatentBatch(rows, latents.rows(rows), captions)


def spread_timesteps(rows: int) -> Tensor:
    """Return random timesteps [rows], rising, one from each of as many parts of the schedule.

    Most have much noise: that is where the picture is decided. With little, most of what could be
    learned is the noise itself.
    """
    places = (torch.arange(rows) + torch.rand(rows)) / rows
    timesteps = np.interp(places.numpy(), _SHARES, _TIMESTEPS)
    return torch.from_numpy(timesteps).long().clamp(max=999)


def random_time_ids(rows: int) -> Tensor:
    """Return SDXL's six size numbers [rows, 6]: the native size, and now and then another."""
    height_width = torch.full((rows, 2), float(NATIVE_SIZE_PX))
    strange = torch.rand(rows) < _STRANGE_SIZES
    height_width[strange] = torch.randint(8, 33, (int(strange.sum()), 2)).float() * 8
    return torch.cat([height_width, torch.zeros(rows, 2), height_width], dim=1)
