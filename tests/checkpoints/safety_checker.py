"""Stable Diffusion's safety checker as released, filled with random numbers."""

import json
from pathlib import Path

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from torch import Tensor
from transformers import CLIPConfig

from instantid_server.importing.tensors import write_tensors
from tests.checkpoints.configs import Config
from tests.checkpoints.numbers import RandomTensors
from tests.checkpoints.scale import Scale
from tests.checkpoints.shapes import Shapes

NUM_HEADS, NUM_LAYERS = 16, 24  # of CLIP's largest vision model


class HarmlessTensors(RandomTensors):
    """Random tensors, but for thresholds that no picture reaches."""

    def __getitem__(self, name: str) -> Tensor:
        if name.endswith("_embeds_weights"):
            return torch.ones(self.shapes[name], dtype=self.dtype)
        return super().__getitem__(name)


def safety_config(scale: Scale) -> Config:
    """Return `safety_checker/config.json`."""
    return {
        "architectures": ["StableDiffusionSafetyChecker"],
        "initializer_factor": 1.0,
        "logit_scale_init_value": 2.6592,
        "model_type": "clip",
        "projection_dim": scale.text_widths[0],
        "text_config": {
            "dropout": 0.0,
            "hidden_size": 768,
            "intermediate_size": 3072,
            "model_type": "clip_text_model",
            "num_attention_heads": 12,
        },
        "torch_dtype": "float32",
        "vision_config": {
            "dropout": 0.0,
            "hidden_size": scale.vision_width,
            "intermediate_size": 4 * scale.vision_width,
            "model_type": "clip_vision_model",
            "num_attention_heads": NUM_HEADS,
            "num_hidden_layers": NUM_LAYERS,
            "patch_size": 14,
        },
    }


def safety_shapes(scale: Scale) -> Shapes:
    """Return those of `safety_checker/model.safetensors`, by the names it was released with."""
    with torch.device("meta"):
        network = StableDiffusionSafetyChecker(CLIPConfig.from_dict(safety_config(scale)))
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    # transformers 5 leaves one prefix out.
    wrapper = "vision_model."
    return {
        f"{wrapper if name.startswith(wrapper) else ''}{name}": shape
        for name, shape in shapes.items()
    }


def write_safety_checker(folder: Path, scale: Scale) -> None:
    """Write `safety_checker`, in half precision; it flags nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(safety_config(scale), indent=2))
    shapes = safety_shapes(scale)
    tensors = HarmlessTensors(shapes, torch.float16)
    write_tensors(folder / "model.safetensors", tensors, shapes, torch.float16)
