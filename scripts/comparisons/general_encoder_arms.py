"""The arms: the same new identity parts on embeddings of the general encoder or the recogniser."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from instantid_server.stages.attention import install_adapter
from scripts.comparisons.bare_base import without_adapter
from scripts.pocket.adapter_training import IdentityConditioned, IdentityParts, train_adapter
from scripts.pocket.arrays import Floats
from scripts.pocket.base_training import Base
from scripts.pocket.drawings import Drawings
from scripts.pocket.export import Networks
from scripts.pocket.latents import LatentCache
from scripts.pocket.networks import new_identitynet, new_resampler
from scripts.pocket.training_state import RunOptions, load_average


class ArmsParts(nn.Module):
    """What is trained of both arms, and from how many samples."""

    def __init__(self, general: IdentityParts, recogniser: IdentityParts) -> None:
        super().__init__()
        self.general = general
        self.recogniser = recogniser
        self.samples: Tensor
        self.register_buffer("samples", torch.zeros((), dtype=torch.int64))


class PairedArms(IdentityConditioned):
    """Both arms, trained at once on copies of one frozen base.

    So they learn from the same samples with the same noise for the same number of steps, whatever
    else the machine does, and all that differs is whose embedding they get. There is no identity
    loss: it would teach either arm by the recogniser.
    """

    parts: ArmsParts  # type: ignore[assignment]  # of two arms instead of one

    def __init__(self, base: Base) -> None:
        """Put new parts, equal in both arms, on a base; its own adapter is left out."""
        nn.Module.__init__(self)
        self.base = base
        self.general = _new_arm(base)
        self.recogniser = _new_arm(base)
        self.parts = ArmsParts(self.general.parts, self.recogniser.parts)

    @property
    def arms(self) -> dict[str, IdentityConditioned]:
        """The arms by whose embedding they get, in the order of joined embeddings."""
        return {"general": self.general, "recogniser": self.recogniser}

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        prompt: tuple[Tensor, Tensor],
        embeddings: Tensor,
        keypoint_maps: Tensor,
        scales: Tensor,
        time_ids: Tensor,
    ) -> Tensor:
        """Return the velocities [2, rows, 12, 16, 16] for joined embeddings [rows, 2 * 512]."""
        self.parts.samples += len(latents)
        told = zip(self.arms.values(), embeddings.chunk(2, dim=1), strict=True)
        return torch.stack(
            [
                arm(latents, timesteps, prompt, embedding, keypoint_maps, scales, time_ids)
                for arm, embedding in told
            ]
        )

    def networks(self, served: Networks, name: str) -> Networks:
        """Return the served networks with one arm's in their place."""
        arm = self.arms[name]
        return replace(
            served,
            unet=arm.base.unet.eval(),
            identitynet=arm.parts.identitynet.eval(),
            resampler=arm.parts.resampler.eval(),
        )


def train_arms(
    arms: PairedArms,
    latents: LatentCache,
    general: Floats,
    recogniser: Floats,
    drawings: Drawings,
    options: RunOptions,
) -> None:
    """Train both arms on embeddings [persons, k, 512] of the same drawings."""
    joined = np.concatenate([general, recogniser], axis=2)
    train_adapter(arms, latents, joined, drawings, options, rollouts=False)


def trained_arms(base: Base, checkpoint: Path) -> PairedArms:
    """Return the arms of a checkpoint."""
    arms = PairedArms(base)
    load_average(arms.parts, checkpoint)
    return arms


def _new_arm(base: Base) -> IdentityConditioned:
    """Return new identity parts, always the same, on a frozen copy of the base's denoiser."""
    torch.manual_seed(0)
    unet = without_adapter(base.unet)
    identitynet = new_identitynet(unet)
    parts = IdentityParts(new_resampler(), install_adapter(unet), identitynet)
    arm = IdentityConditioned(Base(base.prompts, unet), parts)
    # train_adapter freezes the base that it is given, of which these denoisers are no part.
    arm.base.requires_grad_(False)
    return arm
