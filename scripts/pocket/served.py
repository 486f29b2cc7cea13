"""Served networks: those that a model repository holds, loaded for this process."""

import json
from pathlib import Path
from typing import TypeVar

from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from instantid_server.stages.attention import load_adapter
from instantid_server.stages.resampler import build_resampler
from scripts.pocket.export import WEIGHTS_FILE, Networks
from scripts.pocket.face_import import import_detector, import_recogniser
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.vocabulary import load_tokenizer

NetworkT = TypeVar("NetworkT", AutoencoderKL, ControlNetModel, UNet2DConditionModel)


def served_networks(repository: Path) -> tuple[Networks, PromptEncoder]:
    """Return the networks in single precision."""
    text = repository / "text_encoder" / "1"
    encoder = CLIPTextModel.from_pretrained(text / "text_encoder").float()
    encoder_2 = CLIPTextModelWithProjection.from_pretrained(text / "text_encoder_2").float()
    tokenizers = (load_tokenizer(text / "tokenizer"), load_tokenizer(text / "tokenizer_2"))
    unet_folder = repository / "unet" / "1"
    unet = _load(UNet2DConditionModel, unet_folder, _tensors(unet_folder / WEIGHTS_FILE))
    load_adapter(unet, _tensors(unet_folder / "ip_adapter.safetensors"))
    identitynet_folder = repository / "identitynet" / "1"
    identitynet = _load(
        ControlNetModel, identitynet_folder, _tensors(identitynet_folder / WEIGHTS_FILE)
    )
    image_proj = _tensors(repository / "id_resampler" / "1" / "image_proj.safetensors")
    halves = [repository / name / "1" for name in ("vae_encoder", "vae_decoder")]
    vae_tensors = _tensors(halves[0] / WEIGHTS_FILE) | _tensors(halves[1] / WEIGHTS_FILE)
    networks = Networks(
        _load(AutoencoderKL, halves[1], vae_tensors),
        encoder,
        encoder_2,
        unet,
        identitynet,
        build_resampler(image_proj),
        import_recogniser(repository),
        import_detector(repository),
    )
    for network in vars(networks).values():
        network.eval()
    return networks, PromptEncoder(tokenizers, encoder, encoder_2)


def _load(kind: type[NetworkT], folder: Path, tensors: dict[str, Tensor]) -> NetworkT:
    network = kind.from_config(json.loads((folder / "config.json").read_text()))
    network.load_state_dict(tensors)
    return network


def _tensors(path: Path) -> dict[str, Tensor]:
    return {name: tensor.float() for name, tensor in load_file(path).items()}
