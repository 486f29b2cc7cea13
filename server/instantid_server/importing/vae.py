"""The VAE: each half goes to a node of its own, and both give the previews their colours."""

from pathlib import PurePosixPath
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from instantid_server.importing.checks import check_config
from instantid_server.importing.network import DIFFUSERS_WEIGHTS, Network, to_json
from instantid_server.importing.planned import BytesFile, PlannedFile, TensorsFile
from instantid_server.importing.skeleton import check_network, diffusers_skeleton

_HALVES = {
    "vae_decoder": ("decoder.", "post_quant_conv."),
    "vae_encoder": ("encoder.", "quant_conv."),
}
# The nodes scale latents by one factor; other VAEs also move them.
_MOVES = {"shift_factor": None, "latents_mean": None, "latents_std": None}


def plan_vae(network: Network, dtype: torch.dtype) -> list[PlannedFile]:
    """Return the files of both nodes.

    SDXL's own VAE, whose config says `force_upcast`, overflows in half precision and computes in
    float32, so it is kept in float32: 335 MB instead of 167 MB, and no digit of it is lost.
    """
    skeleton = vae_skeleton(network)
    shapes = check_network(network, skeleton)
    kept = torch.float32 if skeleton.config.force_upcast else dtype
    files: list[PlannedFile] = []
    for model, prefixes in _HALVES.items():
        folder = PurePosixPath(model, "1")
        half = {name: shape for name, shape in shapes.items() if name.startswith(prefixes)}
        files += [
            BytesFile(folder / "config.json", to_json(network.config)),
            TensorsFile(folder / f"{DIFFUSERS_WEIGHTS}.safetensors", half, kept, network.read),
        ]
    return files


def vae_skeleton(network: Network) -> Any:
    """Return the skeleton of the VAE."""
    check_config(network.title, {**_MOVES, **network.config}, {**_MOVES})
    return diffusers_skeleton(AutoencoderKL, network)


def load_vae(network: Network) -> AutoencoderKL:
    """Return the VAE itself, in float32."""
    vae = vae_skeleton(network)
    tensors = {name: tensor.float() for name, tensor in network.read().items()}
    vae.load_state_dict(tensors, assign=True)
    return vae.eval()
