"""The inversion: the way back of a loop, step by step."""

import pytest
import torch
from diffusers.schedulers import DDIMScheduler
from tiny_networks import SCHEDULER_CONFIG
from torch import Tensor

from instantid_server.noise import NoiseSource
from instantid_server.trust.inversion import invert
from scripts.known_keys import NOISE_KEY

SHAPE = (4, 16, 16)
MANY_STEPS = 50


def linear_network(latents: Tensor, timestep: float) -> Tensor:
    """Mix neighbouring values, more of them at noisier steps, and add a drift."""
    return 0.6 * latents + timestep / 3000 * latents.roll(1, dims=-1) - 0.1


def draw(noise: Tensor, num_steps: int, prediction_type: str) -> Tensor:
    """Return the clean latents that the network makes of `noise`."""
    scheduler = DDIMScheduler.from_config(
        SCHEDULER_CONFIG, clip_sample=False, prediction_type=prediction_type
    )
    scheduler.set_timesteps(num_steps)
    latents = noise
    for timestep in scheduler.timesteps:
        prediction = linear_network(latents, float(timestep))
        latents = scheduler.step(prediction, timestep, latents).prev_sample
    return latents


def cosine(first: Tensor, second: Tensor) -> float:
    return float(torch.cosine_similarity(first.flatten(), second.flatten(), dim=0))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_way_back_ends_at_the_noise(prediction_type: str) -> None:
    noise = NoiseSource(NOISE_KEY).draw(1, SHAPE)[0][None]
    latents = draw(noise, MANY_STEPS, prediction_type)
    config = {**SCHEDULER_CONFIG, "prediction_type": prediction_type}
    found = invert(linear_network, latents, config, MANY_STEPS)
    assert cosine(found, noise) > 0.99
    assert cosine(latents, noise) < cosine(found, noise)


def test_way_back_ends_at_no_other_noise() -> None:
    ours, other = (NoiseSource(NOISE_KEY).draw(seed, SHAPE)[0][None] for seed in (1, 2))
    latents = draw(ours, MANY_STEPS, "epsilon")
    found = invert(linear_network, latents, SCHEDULER_CONFIG, MANY_STEPS)
    assert abs(cosine(found, other)) < 4 / ours.numel() ** 0.5


def test_network_is_asked_from_clean_to_noisy_once_a_step() -> None:
    asked = []

    def network(latents: Tensor, timestep: float) -> Tensor:
        asked.append(timestep)
        return torch.zeros_like(latents)

    invert(network, torch.ones(2, *SHAPE), SCHEDULER_CONFIG, num_steps=4)
    assert asked == [1, 251, 501, 751]
