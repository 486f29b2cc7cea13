"""Random numbers for tensors, scaled so that a network of any depth answers with numbers too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

import torch
from torch import Size, Tensor


@dataclass(frozen=True)
class RandomTensors(Mapping[str, Tensor]):
    """Tensors that are drawn when they are asked for, so a checkpoint need not fit into memory.

    The numbers of each depend on the seed, its name and its shape, not on who else was drawn.
    """

    shapes: Mapping[str, Size]
    dtype: torch.dtype
    seed: int = 0

    def __getitem__(self, name: str) -> Tensor:
        shape = self.shapes[name]
        generator = torch.Generator().manual_seed(self.seed << 32 | crc32(name.encode()))
        numbers = torch.randn(shape, generator=generator)
        if len(shape) > 1:
            numbers /= shape[1:].numel() ** 0.5  # a layer then keeps the size of what it is given
        elif name.endswith("weight"):
            numbers = 1 + numbers / 10  # of a norm
        else:
            numbers /= 50
        return numbers.to(self.dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)
