"""Adoption: a work folder that goes on from the weights that a model repository holds."""

from pathlib import Path

import torch
from torch import Tensor, nn

from scripts.pocket.adapter_training import IdentityConditioned, IdentityParts
from scripts.pocket.base_training import Base
from scripts.pocket.served import served_networks


def adopt_repository(repository: Path, work: Path) -> None:
    """Write checkpoints of all networks but the safety checker, as if just trained here.

    Detector and recogniser can be used and exported again, but not trained further: their files
    lack what only their training needs.
    """
    networks, prompts = served_networks(repository)
    processors = {
        index: processor
        for index, processor in enumerate(networks.unet.attn_processors.values())
        if isinstance(processor, nn.Module)
    }
    parts = IdentityParts(networks.resampler, processors, networks.identitynet)
    conditioned = IdentityConditioned(Base(prompts, networks.unet), parts)
    recogniser = networks.recogniser.state_dict()
    work.mkdir(parents=True, exist_ok=True)
    torch.save(networks.vae.state_dict(), work / "vae_standardised.pt")
    torch.save(networks.detector.state_dict(), work / "detector_refitted.pt")
    _save_start(
        {f"recogniser.{n}": value for n, value in recogniser.items()}, work / "recogniser.pt"
    )
    _save_start(conditioned.state_dict(), work / "joint.pt")


def _save_start(tensors: dict[str, Tensor], path: Path) -> None:
    """Write a checkpoint that a run starts from: weights, no steps taken yet."""
    torch.save({"average": tensors}, path)
