"""Rollouts: where a network gets to on its own way from noise to a picture."""

import pytest
import torch
from torch import Tensor

from scripts.pocket.diffusion import alphas_cumprod, levels, velocity_towards
from scripts.pocket.rollout import roll_out

ALPHAS = alphas_cumprod()
UNTIL = torch.tensor([900, 500, 60])


@pytest.mark.parametrize("steps", [1, 4])
def test_who_knows_the_picture_gets_to_it_with_less_and_less_noise(steps: int) -> None:
    torch.manual_seed(0)
    true_latents, noise = torch.randn(2, 3, 12, 16, 16)

    def predict(noisy: Tensor, timesteps: Tensor) -> Tensor:
        return velocity_towards(noisy, true_latents, timesteps, ALPHAS)

    rolled_out = roll_out(predict, noise, UNTIL, steps, ALPHAS)
    signal, noise_level = levels(UNTIL, ALPHAS)
    assert torch.allclose(rolled_out, signal * true_latents + noise_level * noise, atol=1e-2)


def test_the_way_starts_from_noise_and_ends_where_it_is_asked_to() -> None:
    visited: list[list[int]] = []

    def predict(noisy: Tensor, timesteps: Tensor) -> Tensor:
        visited.append(timesteps.tolist())
        return torch.zeros_like(noisy)

    roll_out(predict, torch.randn(3, 12, 16, 16), UNTIL, 3, ALPHAS)
    assert visited == [[999, 999, 999], [966, 832, 686], [933, 666, 373]]


def test_no_gradient_goes_back_along_the_way() -> None:
    weight = torch.ones((), requires_grad=True)
    latents = roll_out(lambda noisy, _: weight * noisy, torch.randn(3, 1, 2, 2), UNTIL, 2, ALPHAS)
    assert not latents.requires_grad
