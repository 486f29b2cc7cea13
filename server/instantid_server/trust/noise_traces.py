"""The traces of noise: what a picture may hold of all the noise that it was made with.

Most schedulers decide a picture by its initial noise. Ancestral ones wash that out and add new
noise at each step; of each little is left, but the sum of all is found again.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from instantid_server.noise import NoiseSource


def noise_traces(
    source: NoiseSource, seed: int, shape: tuple[int, int, int], num_inference_steps: int
) -> Iterator[Tensor]:
    """Yield the initial noise (channels, height, width), then its sum with that of all steps."""
    noise, generator = source.draw(seed, shape)
    yield noise
    of_steps = torch.randn((num_inference_steps, *shape), generator=generator)
    yield noise + of_steps.sum(dim=0)
