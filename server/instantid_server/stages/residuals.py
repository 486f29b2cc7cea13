"""IdentityNet's residuals on their way to the UNet: ten tensors packed into one flat row.

One tensor instead of ten, because each tensor costs a hop of its own between two models.
"""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

Shape = tuple[int, int, int]  # channels, height, width


def residual_shapes(config: Mapping[str, object], height: int, width: int) -> list[Shape]:
    """Return the shape of each residual for latents of `height` x `width`; the mid one is last.

    `config` is the UNet's: one residual after `conv_in`, one after each layer of each down block,
    one after each downsampler (diffusers' `UNet2DConditionModel.forward`).
    """
    channels = config["block_out_channels"]
    layers = config["layers_per_block"]
    assert isinstance(channels, list | tuple)
    shapes: list[Shape] = [(channels[0], height, width)]
    for block, width_of_block in enumerate(channels):
        count = layers[block] if isinstance(layers, list | tuple) else layers
        assert isinstance(count, int)
        shapes += [(width_of_block, height, width)] * count
        if block < len(channels) - 1:
            height, width = (height + 1) // 2, (width + 1) // 2  # a convolution of stride 2
            shapes.append((width_of_block, height, width))
    return [*shapes, (channels[-1], height, width)]


def pack_residuals(down: Sequence[Tensor], mid: Tensor) -> Tensor:
    """Return (rows, sum of sizes) from the tensors (rows, channels, height, width)."""
    return torch.cat([residual.flatten(start_dim=1) for residual in (*down, mid)], dim=1)


def unpack_residuals(packed: Tensor, shapes: Sequence[Shape]) -> tuple[list[Tensor], Tensor]:
    """Return the down residuals and the mid one as views of `packed`."""
    parts = packed.split([prod(shape) for shape in shapes], dim=1)
    *down, mid = (part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True))
    return down, mid
