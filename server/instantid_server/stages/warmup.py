"""The warm-up: a stage runs before anybody asks, for its first forwards take much longer.

They pay for memory, kernels, threads, and compilation if that is on. What fits no memory is found
when the node loads, not by a caller.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from instantid_server.contract import INSTANTID, NUM_TIME_IDS, ModelSpec
from instantid_server.errors import InstantIDError
from instantid_server.node import NodeContext

RequestT = TypeVar("RequestT")

_DTYPES = {"FP32": torch.float32, "UINT8": torch.uint8}


def warm_up(
    run: Callable[[Sequence[RequestT]], Sequence[Any]],
    sample: Callable[[int], RequestT],
    max_batch_size: int,
) -> None:
    """Run a stage on one row and on as many as it may get; `sample` makes a request of rows.

    Raises the error if it cannot answer.
    """
    for rows in sorted({1, max_batch_size}):
        (outcome,) = run([sample(rows)])
        if isinstance(outcome, InstantIDError):
            raise outcome


def zeros(spec: ModelSpec, sizes: Mapping[str, tuple[int, ...]], rows: int) -> dict[str, Tensor]:
    """Return a request of a model; `sizes` are the dims that the contract leaves open."""
    return {
        tensor.name: torch.zeros(
            rows, *sizes.get(tensor.name, tensor.dims), dtype=_DTYPES[tensor.dtype]
        )
        for tensor in spec.inputs
    }


@dataclass(frozen=True)
class NativeSize:
    """The size of a picture for which nobody asks one."""

    height: int
    width: int
    vae_scale_factor: int  # pixels a latent

    @classmethod
    def of(cls, context: NodeContext) -> "NativeSize":
        """Read it where the public model keeps what concerns all the weights of a repository."""
        folder = context.directory.parents[1] / INSTANTID.name / context.directory.name
        pipeline = json.loads((folder / "pipeline.json").read_text())
        return cls(
            pipeline["native_height"], pipeline["native_width"], pipeline["vae_scale_factor"]
        )

    @property
    def image(self) -> tuple[int, int, int]:
        """The dims of an RGB picture."""
        return self.height, self.width, 3

    def latents(self, channels: int) -> tuple[int, int, int]:
        """Return the dims of its latents."""
        return channels, self.height // self.vae_scale_factor, self.width // self.vae_scale_factor


def pooled_size(config: Mapping[str, int]) -> int:
    """Return the width of the pooled prompt that a network with SDXL's conditioning takes."""
    of_times = NUM_TIME_IDS * config["addition_time_embed_dim"]
    return config["projection_class_embeddings_input_dim"] - of_times
