"""The diffusion: noise schedule and training target of the pocket weights."""

from typing import Any

import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler
from torch import Tensor

# Any: diffusers' schedulers take these as keywords of different types.
SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}


def scheduler_config() -> dict[str, Any]:
    """Return the configuration from which any of diffusers' schedulers can be made."""
    config = {
        name: value
        for name, value in EulerDiscreteScheduler(**SCHEDULE).config.items()
        if name != "_use_default_values"
    }
    # Euler has no such option; DDIM and DDPM would clip the latents to -1..1 and wash them out.
    return config | {"_class_name": "EulerDiscreteScheduler", "clip_sample": False}


def alphas_cumprod() -> Tensor:
    """Return the share of signal power that is left at each of the 1000 timesteps."""
    schedule: Tensor = DDPMScheduler(
        num_train_timesteps=SCHEDULE["num_train_timesteps"],
        beta_schedule=SCHEDULE["beta_schedule"],
    ).alphas_cumprod
    return schedule


def levels(timesteps: Tensor, alphas: Tensor) -> tuple[Tensor, Tensor]:
    """Return the shares of signal and noise [rows, 1, 1, 1] in latents at the timesteps [rows]."""
    power = alphas[timesteps].view(-1, 1, 1, 1)
    return power.sqrt(), (1 - power).sqrt()


def noised(latents: Tensor, timesteps: Tensor, alphas: Tensor) -> tuple[Tensor, Tensor]:
    """Return noisy latents and the velocity to predict, for latents [rows, c, h, w]."""
    noise = torch.randn_like(latents)
    signal, noise_level = levels(timesteps, alphas)
    return signal * latents + noise_level * noise, signal * noise - noise_level * latents


def velocity_towards(noisy: Tensor, latents: Tensor, timesteps: Tensor, alphas: Tensor) -> Tensor:
    """Return the velocity that leads from noisy latents [rows, c, h, w] to these."""
    signal, noise_level = levels(timesteps, alphas)
    return (signal * noisy - latents) / noise_level


def denoised(noisy: Tensor, velocity: Tensor, timesteps: Tensor, alphas: Tensor) -> Tensor:
    """Return the latents that a predicted velocity means, for noisy latents [rows, c, h, w]."""
    signal, noise_level = levels(timesteps, alphas)
    return signal * noisy - noise_level * velocity
