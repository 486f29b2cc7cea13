"""Which tensors the released files hold, by name and shape; nothing is allocated for it."""

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Size, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.checkpoints.configs import controlnet_config, text_config, unet_config, vae_config
from tests.checkpoints.scale import Scale

Shapes = dict[str, Size]

NUM_QUERIES, DEPTH, EMBEDDING_SIZE = 16, 4, 512  # of InstantID's resampler

# Cross-attention layers in the order in which InstantID numbers them: down, up, then mid. Each
# entry: how many, and which of the UNet's widths they have.
_ADAPTED_LAYERS = ((4, 1), (20, 2), (30, 2), (6, 1), (10, 2))


def unet_shapes(scale: Scale) -> Shapes:
    """Return those of `unet/diffusion_pytorch_model.safetensors`."""
    with torch.device("meta"):
        return _shapes(UNet2DConditionModel.from_config(unet_config(scale)))


def controlnet_shapes(scale: Scale) -> Shapes:
    """Return those of `ControlNetModel/diffusion_pytorch_model.safetensors`."""
    with torch.device("meta"):
        return _shapes(ControlNetModel.from_config(controlnet_config(scale)))


def vae_shapes(scale: Scale) -> Shapes:
    """Return those of `vae/diffusion_pytorch_model.safetensors`."""
    with torch.device("meta"):
        return _shapes(AutoencoderKL.from_config(vae_config(scale)))


def text_shapes(scale: Scale, index: int) -> Shapes:
    """Return those of `text_encoder` (0) or `text_encoder_2` (1)."""
    kind = (CLIPTextModel, CLIPTextModelWithProjection)[index]
    with torch.device("meta"):
        shapes = _shapes(kind(CLIPTextConfig(**text_config(scale, index))))
    # The released files are older than transformers 5, which leaves the prefix out of the first.
    prefix = "" if any(name.startswith("text_model.") for name in shapes) else "text_model."
    return {f"{prefix}{name}": shape for name, shape in shapes.items()}


def image_proj_shapes(scale: Scale) -> Shapes:
    """Return the 51 of `image_proj` in `ip-adapter.bin`."""
    width, output = scale.resampler_width, scale.cross_attention_dim
    shapes: dict[str, tuple[int, ...]] = {
        "latents": (1, NUM_QUERIES, width),
        "proj_in.weight": (width, EMBEDDING_SIZE),
        "proj_in.bias": (width,),
        "proj_out.weight": (output, width),
        "proj_out.bias": (output,),
        "norm_out.weight": (output,),
        "norm_out.bias": (output,),
    }
    for layer in range(DEPTH):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            for kind in ("weight", "bias"):
                shapes[f"layers.{layer}.{norm}.{kind}"] = (width,)
        shapes[f"layers.{layer}.0.to_q.weight"] = (width, width)
        shapes[f"layers.{layer}.0.to_kv.weight"] = (2 * width, width)
        shapes[f"layers.{layer}.0.to_out.weight"] = (width, width)
        shapes[f"layers.{layer}.1.1.weight"] = (4 * width, width)
        shapes[f"layers.{layer}.1.3.weight"] = (width, 4 * width)
    return {name: Size(shape) for name, shape in shapes.items()}


def ip_adapter_shapes(scale: Scale) -> Shapes:
    """Return the 140 of `ip_adapter` in `ip-adapter.bin`: odd numbers, keys and values."""
    widths = [scale.unet_channels[level] for count, level in _ADAPTED_LAYERS for _ in range(count)]
    return {
        f"{2 * position + 1}.{part}.weight": Size((width, scale.cross_attention_dim))
        for position, width in enumerate(widths)
        for part in ("to_k_ip", "to_v_ip")
    }


def _shapes(network: nn.Module) -> Shapes:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}
