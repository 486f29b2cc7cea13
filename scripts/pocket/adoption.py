"""Adoption: a work folder that goes on from the weights that a model repository holds."""

from pathlib import Path

import torch
from torch import Tensor

from scripts.pocket.adapter_training import IdentityParts
from scripts.pocket.base_training import Base
from scripts.pocket.served import served_networks


def adopt_repository(repository: Path, work: Path) -> None:
    """Write checkpoints of autoencoder, base and identity parts, as if just trained here.

    Detector and recogniser stay as they are: their ONNX files cannot be trained further.
    """
    networks, prompts = served_networks(repository)
    processors = {
        index: processor
        for index, processor in enumerate(networks.unet.attn_processors.values())
        if isinstance(processor, torch.nn.Module)
    }
    parts = IdentityParts(networks.resampler, processors, networks.identitynet)
    work.mkdir(parents=True, exist_ok=True)
    torch.save(networks.vae.state_dict(), work / "vae_standardised.pt")
    base = Base(prompts, networks.unet).state_dict()
    plain = {name: value for name, value in base.items() if ".processor." not in name}
    _save_start(plain, work / "base.pt")
    _save_start(parts.state_dict(), work / "adapter.pt")


def _save_start(tensors: dict[str, Tensor], path: Path) -> None:
    """Write a checkpoint that a run starts from: weights, no steps taken yet."""
    torch.save({"average": tensors}, path)
