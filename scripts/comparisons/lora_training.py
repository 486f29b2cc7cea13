"""LoRA training: low-rank changes to the base network that teach it one person.

The pocket base learned together with IdentityNet and draws no face without it. So by default it
keeps IdentityNet for the pose, and the identity tokens, but both are told of nobody, as in the
samples of their training that drop the identity. Who it is, the LoRA alone can say.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict
from torch import Tensor, nn
from torch.optim import AdamW

from scripts.pocket.adapter_training import (
    IdentityConditioned,
    IdentityParts,
    face_weights,
    keypoint_maps,
)
from scripts.pocket.arrays import Picture
from scripts.pocket.base_training import Base, random_time_ids, spread_timesteps
from scripts.pocket.captions import training_caption
from scripts.pocket.diffusion import alphas_cumprod, noised
from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.export import Networks
from scripts.pocket.networks import EMBEDDING_WIDTH
from scripts.pocket.portraits import Portrait
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.scene import Scene

# A word of the vocabulary that no training caption holds, for it is there for negative prompts.
TRIGGER = "low"
_FIRST_DRAWING = 100  # of a person's drawings those from here on are trained on, others measured
_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")
_CONVOLUTIONS = ("conv1", "conv2")  # identity is drawn at 16x16, where there is no attention
_LARGEST_NORM = 1.0  # of a gradient


@dataclass(frozen=True)
class LoraOptions:
    """How a LoRA is trained."""

    steps: int = 100
    rank: int = 16
    learning_rate: float = 2e-3
    batch: int = 4
    scale: float = 0.8  # of IdentityNet and tokens; at 0 the base is text to image alone
    seed: int = 0


@dataclass(frozen=True)
class Lesson:
    """Some drawings of one person, as a LoRA is trained on them."""

    portraits: list[Portrait]
    scenes: list[Scene]


def lesson_of(person_seed: int, drawings: int) -> Lesson:
    """Return so many drawings of a person, each in a scene of its own."""
    indices = range(_FIRST_DRAWING, _FIRST_DRAWING + drawings)
    return Lesson(
        [drawing_of(person_seed, index) for index in indices],
        [scene_of(person_seed, index) for index in indices],
    )


def with_trigger(caption: str) -> str:
    """Return a caption whose subject is the person that a LoRA stands for."""
    return caption.replace(" of a ", f" of a {TRIGGER} ", 1)


def add_lora(unet: UNet2DConditionModel, rank: int) -> list[nn.Parameter]:
    """Put a LoRA on the base's layers and return what is to be trained; it changes nothing yet."""
    targets = [*_ATTENTION, *_CONVOLUTIONS]
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=targets))
    return [parameter for parameter in unet.parameters() if parameter.requires_grad]


def remove_lora(unet: UNet2DConditionModel) -> None:
    """Give the base back as it was."""
    unet.unload_lora()


def lora_bytes(unet: UNet2DConditionModel) -> int:
    """Return the size of the LoRA's numbers in half precision, as such files are shared."""
    tensors: dict[str, Tensor] = get_peft_model_state_dict(unet)
    return sum(2 * tensor.numel() for tensor in tensors.values())


def train_lora(
    networks: Networks, prompts: PromptEncoder, lesson: Lesson, options: LoraOptions
) -> float:
    """Train a LoRA that is left on the UNet, and return the seconds that it took."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    start = time.monotonic()
    latents = encode(networks.vae, np.stack([item.picture for item in lesson.portraits]))
    keypoints = np.stack([item.keypoints for item in lesson.portraits])
    weights, maps = face_weights(keypoints), keypoint_maps(keypoints)
    base = base_of(networks, prompts)
    parameters = add_lora(networks.unet, options.rank)
    optimizer = AdamW(parameters, lr=options.learning_rate, weight_decay=0.0)
    alphas = alphas_cumprod()
    for step in range(options.steps):
        _set_learning_rate(optimizer, options, step)
        rows = rng.integers(len(latents), size=options.batch)
        captions = [with_trigger(training_caption(lesson.scenes[row], rng)) for row in rows]
        timesteps = spread_timesteps(options.batch)
        noisy, velocity = noised(latents[rows], timesteps, alphas)
        predicted = base_velocity(base, noisy, timesteps, captions, maps[rows], options.scale)
        loss = (weights[rows] * (predicted - velocity) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, _LARGEST_NORM)
        optimizer.step()
    return time.monotonic() - start


def base_of(networks: Networks, prompts: PromptEncoder) -> IdentityConditioned:
    """Return the served networks as one, none of them to be trained."""
    parts = IdentityParts(networks.resampler, {}, networks.identitynet)  # the UNet has the adapter
    base = IdentityConditioned(Base(prompts, networks.unet), parts)
    return base.requires_grad_(False)


def base_velocity(
    base: IdentityConditioned,
    noisy: Tensor,
    timesteps: Tensor,
    captions: Sequence[str],
    maps: Tensor,
    scale: float,
) -> Tensor:
    """Return what the base predicts for noisy latents [rows, 12, 16, 16] told of nobody."""
    rows = len(captions)
    with torch.no_grad():
        prompt = base.base.prompts(list(captions))
    velocity: Tensor = base(
        noisy,
        timesteps,
        prompt,
        torch.zeros(rows, EMBEDDING_WIDTH),
        maps,
        torch.full((2, rows), scale),
        random_time_ids(rows),
    )
    return velocity


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: Picture) -> Tensor:
    """Return latents [rows, 12, 16, 16] of pictures [rows, 128, 128, 3]."""
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    latents: Tensor = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
    return latents


def _set_learning_rate(optimizer: AdamW, options: LoraOptions, step: int) -> None:
    """Go down in a straight line, so that few steps end at rest."""
    for group in optimizer.param_groups:
        group["lr"] = options.learning_rate * (1 - step / options.steps)
