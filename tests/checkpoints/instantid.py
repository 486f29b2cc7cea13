"""InstantID's own release, filled with random numbers: `ip-adapter.bin` and `ControlNetModel/`."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from instantid_server.importing.tensors import write_tensors
from tests.checkpoints.configs import controlnet_config
from tests.checkpoints.numbers import RandomTensors
from tests.checkpoints.scale import Scale
from tests.checkpoints.shapes import controlnet_shapes, image_proj_shapes, ip_adapter_shapes

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"

Tensors = Mapping[str, Tensor]


def write_ip_adapter(path: Path, scale: Scale) -> None:
    """Write the adapter in FP32, as released."""
    save_ip_adapter(
        path,
        RandomTensors(image_proj_shapes(scale), torch.float32),
        RandomTensors(ip_adapter_shapes(scale), torch.float32),
    )


def save_ip_adapter(path: Path, image_proj: Tensors, ip_adapter: Tensors) -> None:
    """Write these tensors, pickled as released or, by the ending, in the other form in use."""
    parts = {"image_proj": dict(image_proj), "ip_adapter": dict(ip_adapter)}
    if path.suffix == ".safetensors":
        named = ((part, item) for part, tensors in parts.items() for item in tensors.items())
        save_file({f"{part}.{name}": tensor for part, (name, tensor) in named}, path)
    else:
        torch.save(parts, path)


def write_identitynet(folder: Path, scale: Scale) -> None:
    """Write `ControlNetModel` into `folder`, in FP16 as released."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(controlnet_config(scale), indent=2))
    shapes = controlnet_shapes(scale)
    tensors = RandomTensors(shapes, torch.float16)
    write_tensors(folder / WEIGHTS_FILE, tensors, shapes, torch.float16)
