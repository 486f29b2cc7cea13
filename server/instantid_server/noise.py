"""The noise a picture starts from: decided by its seed alone, on any machine, in any batch."""

import torch
from torch import Tensor

_INT64_RANGE = 2**64


def picture_seed(seed: int, index: int) -> int:
    """Return the seed of picture `index` of a request: seed + index, in two's complement."""
    return (seed + index + _INT64_RANGE // 2) % _INT64_RANGE - _INT64_RANGE // 2


def initial_noise(seed: int, shape: tuple[int, int, int]) -> tuple[Tensor, torch.Generator]:
    """Return unit noise (channels, height, width), float32, and its generator.

    The generator goes on to draw the noise of ancestral schedulers. It is a CPU one, so that a
    picture does not depend on the device.
    """
    generator = torch.Generator(device="cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float32), generator
