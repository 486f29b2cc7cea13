"""The IdentityNet folder: a whole SDXL ControlNet that reads the keypoint map."""

from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from diffusers.models.controlnets.controlnet import ControlNetModel

from instantid_server.importing.checks import check_config
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import (
    DIFFUSERS_WEIGHTS,
    Config,
    Network,
    NetworkFolder,
    to_json,
)
from instantid_server.importing.planned import BytesFile, PlannedFile, TensorsFile
from instantid_server.importing.skeleton import check_network, diffusers_skeleton
from instantid_server.stages.pose import KeypointMapSize
from instantid_server.stages.residuals import residual_shapes

RELEASED_FOLDER = "ControlNetModel"  # beside ip-adapter.bin

# What has to be the UNet's: it gives the latents, the time and the pooled prompt to both, and adds
# IdentityNet's residuals to its own.
_SHARED_WITH_UNET = (
    "in_channels",
    "cross_attention_dim",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
)
# What the node draws and adds: a map in RGB, eight pixels a latent, a residual for every position.
_OF_KEYPOINT_MAPS: dict[str, object] = {
    "conditioning_channels": 3,
    "controlnet_conditioning_channel_order": "rgb",
    "global_pool_conditions": False,
}
_LATENT_SIDE = 64  # any number: the shapes of residuals agree for one side or for none


def find_identitynet(path: Path) -> NetworkFolder:
    """Return the files, given their folder or the one of InstantID's that holds it."""
    if not path.is_dir():
        raise ImportFailed(f"{path}: expected InstantID's folder {RELEASED_FOLDER}")
    inner = path / RELEASED_FOLDER
    return NetworkFolder.find(inner if inner.is_dir() else path, DIFFUSERS_WEIGHTS)


def plan_identitynet(
    network: Network, unet: Config, map_size: KeypointMapSize, dtype: torch.dtype
) -> list[PlannedFile]:
    """Return the node's files; `unet` is the config of the UNet that they are to steer.

    That a ControlNet was trained on keypoint maps cannot be seen: one for edges has the same keys.
    """
    skeleton = diffusers_skeleton(ControlNetModel, network)
    config: Any = skeleton.config  # with diffusers' defaults put in
    check_config(
        f"{network.title}, which has to fit the UNet and the keypoint map",
        dict(config),
        {**_OF_KEYPOINT_MAPS, **{name: unet[name] for name in _SHARED_WITH_UNET}},
    )
    sides = (_LATENT_SIDE, _LATENT_SIDE)
    if residual_shapes(config, *sides) != residual_shapes(unet, *sides):
        raise ImportFailed(
            f"{network.title}: block_out_channels {config.block_out_channels} and layers_per_block "
            f"{config.layers_per_block} do not match the UNet's; IdentityNet is a whole SDXL "
            "ControlNet, not a small one"
        )
    shapes = check_network(network, skeleton)
    folder = PurePosixPath("identitynet/1")
    return [
        BytesFile(folder / "config.json", to_json(network.config)),
        BytesFile(folder / "keypoint_map.json", to_json(asdict(map_size))),
        TensorsFile(folder / f"{DIFFUSERS_WEIGHTS}.safetensors", shapes, dtype, network.read),
    ]
