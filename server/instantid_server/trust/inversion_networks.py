"""The networks of an inversion: those of a model repository, loaded into this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instantid_server.contract import (
    DEFAULT_IP_ADAPTER_SCALE,
    EMBEDDING_SIZE,
    ID_RESAMPLER,
    NUM_KEYPOINTS,
    TEXT_ENCODER,
    UNET,
    VAE_ENCODER,
)
from instantid_server.errors import InstantIDError
from instantid_server.generation import PipelineWeights
from instantid_server.node import NodeContext, Outcome, Tensors, call_nobody
from instantid_server.stages.resampler import Resampler
from instantid_server.stages.text import TextEncoder
from instantid_server.stages.unet import Unet
from instantid_server.stages.vae import VaeEncoder
from instantid_server.trust.inversion import NUM_INVERSION_STEPS, invert

_VERSION = "1"  # the folder of a model in a repository


@dataclass(frozen=True)
class InversionNetworks:
    """The UNet and the VAE's encoder, and what to ask the UNet with."""

    unet: Unet
    vae_encoder: VaeEncoder
    scheduler_config: Mapping[str, Any]
    latent_channels: int
    prompt_embeds: Tensor  # (1 or rows, words, D)
    pooled_prompt_embeds: Tensor  # (1 or rows, P)
    identity_tokens: Tensor  # (1 or rows, 16, D)

    @classmethod
    def load(cls, model_repository: Path, device: str = "cpu") -> "InversionNetworks":
        """Load them from a repository, and encode no prompt and nobody's face."""

        def context(model: str) -> NodeContext:
            return _context(model_repository / model / _VERSION, device)

        no_prompt = {"prompt": np.array([[b""]], np.object_)}
        text = _only(TextEncoder.load(context(TEXT_ENCODER.name)).run([no_prompt]))
        nobody = {"face_embedding": torch.zeros(1, EMBEDDING_SIZE)}
        face = _only(Resampler.load(context(ID_RESAMPLER.name)).run([nobody]))
        weights = PipelineWeights.load(model_repository / "instantid" / _VERSION)
        return cls(
            unet=Unet.load(context(UNET.name)),
            vae_encoder=VaeEncoder.load(context(VAE_ENCODER.name)),
            scheduler_config=weights.scheduler_config,
            latent_channels=weights.latent_channels,
            prompt_embeds=text["prompt_embeds"],
            pooled_prompt_embeds=text["pooled_prompt_embeds"],
            identity_tokens=face["identity_tokens"],
        )

    def invert(self, pictures: NDArray[np.uint8], num_steps: int = NUM_INVERSION_STEPS) -> Tensor:
        """Return an estimate of the noise (rows, channels, h, w) of (rows, height, width, 3)."""
        latents = _only(self.vae_encoder.run([{"image": torch.from_numpy(pictures)}]))["latents"]
        _, height, width, _ = pictures.shape
        predict = partial(self._predict, (height, width))
        return invert(predict, latents, self.scheduler_config, num_steps)

    def _predict(self, size: tuple[int, int], latents: Tensor, timestep: float) -> Tensor:
        rows = len(latents)

        def each(*values: float) -> Tensor:
            return torch.tensor(values).repeat(rows, 1)

        request = {
            "latents": latents,
            "timestep": each(timestep),
            "prompt_embeds": self.prompt_embeds.expand(rows, -1, -1),
            "identity_tokens": self.identity_tokens.expand(rows, -1, -1),
            "pooled_prompt_embeds": self.pooled_prompt_embeds.expand(rows, -1),
            "time_ids": each(*size, 0, 0, *size),
            "ip_adapter_scale": each(DEFAULT_IP_ADAPTER_SCALE),
            "residuals": torch.empty(rows, 0),
            "face_keypoints": torch.zeros(rows, 1, NUM_KEYPOINTS, 2),
            "controlnet_conditioning_scale": each(0.0),
        }
        noise_pred: Tensor = _only(self.unet.run([request]))["noise_pred"]
        return noise_pred.cpu()


def _context(directory: Path, device: str) -> NodeContext:
    return NodeContext(
        directory=directory,
        parameters={"device": device, "num_threads": str(torch.get_num_threads())},
        device_id=0,
        max_batch_size=1,
        output_types={},
        call=call_nobody,
    )


def _only(outcomes: Sequence[Outcome]) -> Tensors:
    """Return the tensors of a stage's only request; raises its InstantIDError."""
    (outcome,) = outcomes
    if isinstance(outcome, InstantIDError):
        raise outcome
    return {name: tensor.cpu() for name, tensor in outcome.items()}
