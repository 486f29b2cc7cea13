"""Where and how precisely a network computes: device, dtype, threads, compilation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from instantid_server.node import NodeContext
from instantid_server.settings import TorchSettings, read_settings

NetworkT = TypeVar("NetworkT", bound=nn.Module)

# Half precision counts in steps of 0.5 above 512; the networks embed these before they round.
_FULL_PRECISION = ("timestep", "time_ids")

_WIRE_DTYPES = {"FP32": torch.float32, "FP16": torch.float16}


@dataclass(frozen=True)
class Compute:
    """A device, the dtype computed in, and the dtype that leaves the node."""

    device: torch.device
    dtype: torch.dtype
    wire_dtype: torch.dtype
    compile: bool

    @classmethod
    def from_context(cls, context: NodeContext) -> "Compute":
        """Read the node's parameters; the GPU is the one of Triton's instance group."""
        settings = read_settings(TorchSettings, context.parameters)
        torch.set_num_threads(settings.num_threads)
        device = "cpu" if settings.device == "cpu" else f"cuda:{context.device_id}"
        floating = [kind for kind in context.output_types.values() if kind in _WIRE_DTYPES]
        return cls(
            device=torch.device(device),
            dtype=getattr(torch, settings.dtype),
            wire_dtype=_WIRE_DTYPES[floating[0]] if floating else torch.float32,
            compile=settings.compile,
        )

    def with_dtype(self, dtype: torch.dtype) -> "Compute":
        """Return the same place, computing in `dtype`."""
        return replace(self, dtype=dtype)

    def fill(self, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Give `network`, built on the meta device, its weights on this device, in this dtype.

        Raises RuntimeError, as torch does, when a key is missing, unexpected or of another shape,
        and OverflowError for weights that float16 cannot hold: they would draw black pictures.
        """
        taken = self.take(tensors)
        for name, tensor in taken.items():
            rounded = tensor.dtype is torch.float16 and tensors[name].dtype is not torch.float16
            if rounded and not torch.isfinite(tensor).all():
                raise OverflowError(
                    f"{name}: its values overflow in float16; set dtype to bfloat16 in the profile"
                )
        network.load_state_dict(taken, assign=True)

    def ready(self, network: NetworkT) -> NetworkT:
        """Return `network` for inference, compiled if the settings say so."""
        network.eval().requires_grad_(False)
        if self.compile:
            network.compile(dynamic=False)
        return network

    def take(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return `tensors` on the device; floating ones but times in the dtype computed in."""
        taken: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            rounds = tensor.is_floating_point() and name not in _FULL_PRECISION
            dtype = self.dtype if rounds else tensor.dtype
            taken[name] = tensor.to(self.device, dtype)
        return taken

    def give(self, tensor: Tensor) -> Tensor:
        """Return a floating result in the dtype that leaves the node."""
        return tensor.to(self.wire_dtype)


def without_weights() -> torch.device:
    """Return the context in which a network is built empty, for `Compute.fill`."""
    return torch.device("meta")


def read_config(directory: Path) -> dict[str, object]:
    """Return the `config.json` that diffusers keeps beside a network's weights."""
    config: dict[str, object] = json.loads((directory / "config.json").read_text())
    return config


def read_tensors(directory: Path) -> dict[str, Tensor]:
    """Return the tensors of diffusers' `diffusion_pytorch_model.safetensors`."""
    tensors: dict[str, Tensor] = load_file(directory / "diffusion_pytorch_model.safetensors")
    return tensors
