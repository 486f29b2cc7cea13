"""Export: the trained networks as the files of the model repository, in half precision."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from instantid_server.importing.palette import fit_palette
from instantid_server.stages.attention import install_adapter
from instantid_server.stages.resampler import from_diffusers
from scripts.pocket.adapter_training import KEYPOINT_MAP_SIZE
from scripts.pocket.diffusion import scheduler_config
from scripts.pocket.drawings import drawing_of
from scripts.pocket.face_export import export_face_networks
from scripts.pocket.guidance import GUIDANCE_SCALE
from scripts.pocket.networks import (
    LATENT_CHANNELS,
    Detector,
    Recogniser,
    new_identitynet,
    new_resampler,
    new_text_encoders,
    new_unet,
    new_vae,
)
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.safety_training import CONFIG as SAFETY_CONFIG
from scripts.pocket.vocabulary import load_tokenizer, write_tokenizer

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"
_LARGEST_SIDE_PX = 256
_PALETTE_PERSONS = 64  # 16,384 latent cells for a map of about forty numbers


@dataclass(frozen=True)
class Networks:
    """Every network of the pocket weights; the UNet carries the adapter."""

    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    text_encoder_2: CLIPTextModelWithProjection
    unet: UNet2DConditionModel
    identitynet: ControlNetModel
    resampler: IPAdapterPlusImageProjection
    recogniser: Recogniser
    detector: Detector

    def parameters(self) -> int:
        """Return how many numbers all networks hold."""
        return sum(
            parameter.numel()
            for network in vars(self).values()
            for parameter in network.parameters()
        )


def new_networks(tokenizer_folder: Path, seed: int = 0) -> Networks:
    """Return untrained networks; the tokenizer files are written where they are missing."""
    torch.manual_seed(seed)
    write_tokenizer(tokenizer_folder, "<|endoftext|>")
    tokenizer = load_tokenizer(tokenizer_folder)
    first, second = new_text_encoders(len(tokenizer), tokenizer.eos_token_id)
    unet = new_unet()
    identitynet = new_identitynet(unet)
    install_adapter(unet)
    networks = Networks(
        new_vae(), first, second, unet, identitynet, new_resampler(), Recogniser(), Detector()
    )
    for network in vars(networks).values():
        network.eval()
    return networks


def export_networks(networks: Networks, repository: Path) -> None:
    """Write every weight file; the same networks always give the same bytes."""
    text = repository / "text_encoder" / "1"
    write_tokenizer(text / "tokenizer", "<|endoftext|>")
    write_tokenizer(text / "tokenizer_2", "!")
    _save_text_encoder(networks.text_encoder, text / "text_encoder")
    _save_text_encoder(networks.text_encoder_2, text / "text_encoder_2")
    resampler = repository / "id_resampler" / "1"
    _save_tensors(
        from_diffusers(networks.resampler.state_dict()), resampler / "image_proj.safetensors"
    )
    unet = repository / "unet" / "1"
    tensors = networks.unet.state_dict()
    plain = {name: value for name, value in tensors.items() if ".processor." not in name}
    _save_model(networks.unet, plain, unet)
    _save_tensors(adapter_keys(networks.unet), unet / "ip_adapter.safetensors")
    identitynet = repository / "identitynet" / "1"
    _save_model(networks.identitynet, networks.identitynet.state_dict(), identitynet)
    _save_json(asdict(KEYPOINT_MAP_SIZE), identitynet / "keypoint_map.json")
    for model, prefixes in (
        ("vae_decoder", ("decoder.", "post_quant_conv.")),
        ("vae_encoder", ("encoder.", "quant_conv.")),
    ):
        part = {n: v for n, v in networks.vae.state_dict().items() if n.startswith(prefixes)}
        _save_model(networks.vae, part, repository / model / "1")
    export_face_networks(networks.detector, networks.recogniser, repository)
    _save_pipeline(networks.vae, repository / "instantid" / "1")


def export_safety_checker(checker: StableDiffusionSafetyChecker, repository: Path) -> None:
    """Write the two files of the node `safety`."""
    folder = repository / "safety" / "1"
    _save_json(SAFETY_CONFIG, folder / "config.json")
    _save_tensors(checker.state_dict(), folder / "model.safetensors")


def adapter_keys(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """Return the adapter's tensors under InstantID's names: "1.to_k_ip.weight" and so on."""
    return {
        f"{index}.{name}": value
        for index, processor in enumerate(unet.attn_processors.values())
        if isinstance(processor, nn.Module)
        for name, value in processor.state_dict().items()
    }


def _save_text_encoder(encoder: CLIPTextModel | CLIPTextModelWithProjection, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = encoder.config.to_diff_dict()
    config["architectures"] = [type(encoder).__name__]
    config["dtype"] = "float16"
    config.pop("_name_or_path", None)
    _save_json(config, folder / "config.json")
    _save_tensors(encoder.state_dict(), folder / "model.safetensors")


def _save_model(
    network: AutoencoderKL | ControlNetModel | UNet2DConditionModel,
    tensors: dict[str, Tensor],
    folder: Path,
) -> None:
    # Private names too: what diffusers lists as a default is replaced by its own when it is read.
    config = {name: value for name, value in network.config.items() if not name.startswith("_")}
    config["_class_name"] = type(network).__name__
    _save_json(config, folder / "config.json")
    _save_tensors(tensors, folder / WEIGHTS_FILE)


def _save_pipeline(vae: AutoencoderKL, folder: Path) -> None:
    _save_json(scheduler_config(), folder / "scheduler_config.json")
    sizes = {
        "native_height": NATIVE_SIZE_PX,
        "native_width": NATIVE_SIZE_PX,
        "max_height": _LARGEST_SIDE_PX,
        "max_width": _LARGEST_SIDE_PX,
        "vae_scale_factor": 2 ** (len(vae.config.block_out_channels) - 1),
        "latent_channels": LATENT_CHANNELS,
        "guidance_scale": GUIDANCE_SCALE,
    }
    drawn = np.stack([drawing_of(person, 0).picture for person in range(_PALETTE_PERSONS)])
    palette = fit_palette(vae, torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255)
    _save_json({**sizes, **palette}, folder / "pipeline.json")


def _save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in tensors.items()
    }
    part = path.with_suffix(".part")
    save_file(half, part, metadata={"format": "pt"})
    part.chmod(0o644)  # safetensors keeps its files to their owner
    os.replace(part, path)


def _save_json(content: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    os.replace(part, path)
