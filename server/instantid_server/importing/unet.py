"""The UNet, and how the parts of a checkpoint have to fit each other."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from instantid_server.importing.checks import check_config
from instantid_server.importing.loras import Lora, with_loras
from instantid_server.importing.network import DIFFUSERS_WEIGHTS, Network, to_json
from instantid_server.importing.planned import BytesFile, PlannedFile, TensorsFile
from instantid_server.importing.sdxl import SdxlCheckpoint
from instantid_server.importing.skeleton import check_network, diffusers_skeleton, text_config
from instantid_server.importing.vae import vae_skeleton
from instantid_server.stages.warmup import pooled_size


def unet_skeleton(checkpoint: SdxlCheckpoint) -> Any:
    """Return the UNet's skeleton; refuse one that is not SDXL's or does not fit its neighbours."""
    skeleton: Any = diffusers_skeleton(UNet2DConditionModel, checkpoint.unet)
    first, second = map(text_config, checkpoint.text_encoders)
    latents = vae_skeleton(checkpoint.vae).config.latent_channels
    check_config(
        checkpoint.unet.title,
        dict(skeleton.config),
        {
            "addition_embed_type": "text_time",  # SDXL's conditioning on sizes and a pooled prompt
            "encoder_hid_dim_type": None,
            "time_cond_proj_dim": None,
            "in_channels": latents,  # one for inpainting takes five more
            "out_channels": latents,
            "cross_attention_dim": first.hidden_size + second.hidden_size,
        },
    )
    check_config(
        f"{checkpoint.text_encoders[1].title}, which gives the UNet a pooled prompt",
        second.to_dict(),
        {"projection_dim": pooled_size(skeleton.config)},
    )
    return skeleton


def plan_unet(
    network: Network, skeleton: Any, loras: Sequence[Lora], dtype: torch.dtype
) -> list[PlannedFile]:
    """Return the node's files but the adapter's."""
    shapes = check_network(network, skeleton)
    network = with_loras(network, "unet", shapes, loras)
    folder = PurePosixPath("unet/1")
    return [
        BytesFile(folder / "config.json", to_json(network.config)),
        TensorsFile(folder / f"{DIFFUSERS_WEIGHTS}.safetensors", shapes, dtype, network.read),
    ]
