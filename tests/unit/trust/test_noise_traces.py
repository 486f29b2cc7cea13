"""The traces of noise: what the loop started from, and what it added."""

import pytest
import torch
from tiny_networks import SCHEDULER_CONFIG

from instantid_server.noise import NoiseSource
from instantid_server.schedulers import Schedule
from instantid_server.trust.noise_traces import noise_traces
from scripts.known_keys import NOISE_KEY

STEPS = 5
SHAPE = (4, 32, 32)
SOURCE = NoiseSource(NOISE_KEY, "studio")


def test_first_trace_is_the_initial_noise() -> None:
    first, _ = noise_traces(SOURCE, 3, SHAPE, STEPS)
    assert torch.equal(first, SOURCE.draw(3, SHAPE)[0])


@pytest.mark.parametrize("scheduler", ["EulerAncestralDiscreteScheduler", "DDPMScheduler"])
def test_second_trace_has_what_a_scheduler_added(scheduler: str) -> None:
    initial, together = noise_traces(SOURCE, 3, SHAPE, STEPS)
    schedule = Schedule(scheduler, SCHEDULER_CONFIG, STEPS)
    generator = SOURCE.draw(3, SHAPE)[1]
    added = torch.zeros(1, *SHAPE)  # nothing but what the steps add
    for timestep in schedule.timesteps:
        added, _ = schedule.step(torch.zeros_like(added), timestep, added, [generator])
    of_steps = (together - initial).flatten()
    cosine = torch.cosine_similarity(added.flatten(), of_steps, dim=0)
    assert cosine > 0.5
