"""A safety checker of a few thousand random numbers, with the class and files of the real one."""

import json
from pathlib import Path

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPConfig

SIDE_PX = 32  # of the window that it looks through
CONFIG = {
    "architectures": ["StableDiffusionSafetyChecker"],
    "model_type": "clip",
    "projection_dim": 8,
    "vision_config": {
        "hidden_size": 16,
        "image_size": SIDE_PX,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "patch_size": 8,
    },
}


def tiny_safety_checker() -> StableDiffusionSafetyChecker:
    """Return a checker whose thresholds harmless pictures lie on either side of."""
    torch.manual_seed(6)
    network = StableDiffusionSafetyChecker(CLIPConfig.from_dict(CONFIG))
    for kind in ("concept", "special_care"):
        nn.init.normal_(getattr(network, f"{kind}_embeds"))
        getattr(network, f"{kind}_embeds_weights").data.fill_(0.6)
    return network.eval()


def write_safety_checker(directory: Path, tensors: dict[str, Tensor] | None = None) -> None:
    """Write the node's two files; `tensors` in place of the tiny checker's own."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(CONFIG))
    held = tiny_safety_checker().state_dict() if tensors is None else tensors
    save_file(held, directory / "model.safetensors")
