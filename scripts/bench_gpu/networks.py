"""The three networks that do nearly all of the work, with random weights made where they run."""

from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from instantid_server.stages.attention import install_adapter
from tests.checkpoints.configs import controlnet_config, unet_config, vae_config
from tests.checkpoints.scale import Scale

# A new ControlNet ends in convolutions of zeros, and then could compute anything unseen.
_RESIDUAL_STD = 0.02

Depth = tuple[int, int, int]  # transformer layers of a block, on each of the three levels
SDXL_DEPTH: Depth = (1, 2, 10)
TOY_DEPTH: Depth = (1, 1, 1)


@dataclass
class Networks:
    """What a rung of the ladder changes."""

    unet: UNet2DConditionModel
    identitynet: ControlNetModel
    vae: AutoencoderKL  # its decoder
    map_embedding: nn.Module = field(default_factory=nn.Identity)  # of the keypoint map

    def take_map_embedding(self) -> None:
        """Take the embedding out of IdentityNet, which then expects it done."""
        self.map_embedding = self.identitynet.controlnet_cond_embedding
        self.identitynet.controlnet_cond_embedding = nn.Identity()


def build_networks(
    scale: Scale, depth: Depth, device: torch.device, dtype: torch.dtype
) -> Networks:
    """Return networks of `scale`; the VAE computes in float32, as SDXL's own has to in float16."""
    torch.manual_seed(0)
    layers = {"transformer_layers_per_block": list(depth)}
    unet = _build(UNet2DConditionModel, unet_config(scale) | layers, device, dtype)
    install_adapter(unet)
    identitynet = _build(ControlNetModel, controlnet_config(scale) | layers, device, dtype)
    for layer in (*identitynet.controlnet_down_blocks, identitynet.controlnet_mid_block):
        nn.init.normal_(layer.weight, std=_RESIDUAL_STD)
    vae = _build(AutoencoderKL, vae_config(scale), device, torch.float32)
    vae.encoder = nn.Identity()
    networks = Networks(unet, identitynet, vae)
    for network in (unet, identitynet, vae):
        network.eval().requires_grad_(False)
    return networks


def _build(kind: Any, config: dict[str, object], device: torch.device, dtype: torch.dtype) -> Any:
    with device:
        network = kind.from_config(config)
    return cast(network, dtype)


def cast(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Convert the weights; diffusers' own `to` warns of modules to keep even if there are none."""
    return nn.Module.to(network, dtype)
