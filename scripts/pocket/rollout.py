"""Rollouts: latents on the way that the network itself draws them.

In training, noise is added to true latents, so that part of the person is there to be seen. A
network that draws sees only what it has drawn, and goes on with its own mistakes: a face is guessed
better in the first step than all twenty show it. To learn where the right picture lies from where
it really gets to is DAgger's idea (arXiv 1011.0686).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from scripts.pocket.diffusion import denoised, levels

_FIRST = 999  # where there is nothing but noise

Predict = Callable[[Tensor, Tensor], Tensor]  # noisy latents and timesteps [rows] to velocities


@torch.no_grad()
def roll_out(predict: Predict, noise: Tensor, until: Tensor, steps: int, alphas: Tensor) -> Tensor:
    """Return latents [rows, c, h, w] at the timesteps `until` [rows], after so many DDIM steps."""
    latents = noise
    now = torch.full_like(until, _FIRST)
    for step in range(1, steps + 1):
        then = (_FIRST + (until - _FIRST) * (step / steps)).long()
        velocity = predict(latents, now)
        signal, noise_level = levels(now, alphas)
        clean = denoised(latents, velocity, now, alphas)
        pure_noise = noise_level * latents + signal * velocity
        signal, noise_level = levels(then, alphas)
        latents = signal * clean + noise_level * pure_noise
        now = then
    return latents
