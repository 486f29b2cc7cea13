"""Networks of a few thousand random numbers, with the classes and files of the real ones."""

import json
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from tiny_safety import write_safety_checker
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.clip.tokenization_clip import CLIPTokenizer

LATENT_CHANNELS = 4
HIDDEN_SIZES = (8, 16)  # of the two text encoders
CROSS_ATTENTION_DIM = sum(HIDDEN_SIZES)
POOLED_DIM = 16
TIME_EMBED_DIM = 8
SIDE_PX = 64  # the smallest picture that a request may ask for
RESAMPLER_WIDTH = 128  # two heads

UNET_CONFIG = {
    "sample_size": 8,
    "in_channels": LATENT_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "block_out_channels": (16, 32, 32),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "attention_head_dim": (2, 2, 4),
    "norm_num_groups": 4,
    "cross_attention_dim": CROSS_ATTENTION_DIM,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": TIME_EMBED_DIM,
    "projection_class_embeddings_input_dim": 6 * TIME_EMBED_DIM + POOLED_DIM,
}
PIPELINE = {
    "latent_channels": LATENT_CHANNELS,
    "native_height": SIDE_PX,
    "native_width": SIDE_PX,
    "max_height": 2 * SIDE_PX,
    "max_width": 2 * SIDE_PX,
    "vae_scale_factor": 8,
    "latent_rgb_weight": [[0.1, 0.1, 0.1]] * LATENT_CHANNELS,
    "latent_rgb_bias": [0.5, 0.5, 0.5],
}
SCHEDULER_CONFIG = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}


def tiny_unet() -> UNet2DConditionModel:
    torch.manual_seed(1)
    return UNet2DConditionModel.from_config(UNET_CONFIG).eval()


def tiny_controlnet() -> ControlNetModel:
    """Return a ControlNet whose output convolutions are not zero, as those of a new one are."""
    network = ControlNetModel.from_unet(
        tiny_unet(), conditioning_embedding_out_channels=(4, 4, 8, 8)
    )
    for convolution in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        nn.init.normal_(convolution.weight, std=0.2)
    nn.init.normal_(network.controlnet_cond_embedding.conv_out.weight, std=0.2)
    return network.eval()


def tiny_vae(force_upcast: bool = False) -> AutoencoderKL:
    torch.manual_seed(2)
    config = {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "latent_channels": LATENT_CHANNELS,
        "norm_num_groups": 4,
        "force_upcast": force_upcast,
    }
    return AutoencoderKL.from_config(config).eval()


def tiny_adapter(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """Return `ip_adapter` tensors for `unet` under InstantID's odd numbers."""
    generator = torch.Generator().manual_seed(3)
    tensors: dict[str, Tensor] = {}
    for index, name in enumerate(unet.attn_processors):
        if "attn2" not in name:
            continue
        attention = unet.get_submodule(name.removesuffix(".processor"))
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"{index}.{part}.weight"] = torch.randn(
                attention.inner_dim, CROSS_ATTENTION_DIM, generator=generator
            )
    return tensors


def tiny_image_proj() -> dict[str, Tensor]:
    """Return the resampler's 51 tensors under InstantID's names (facts of the released file)."""
    width, output = RESAMPLER_WIDTH, CROSS_ATTENTION_DIM
    shapes: dict[str, tuple[int, ...]] = {
        "latents": (1, 16, width),
        "proj_in.weight": (width, 512),
        "proj_in.bias": (width,),
        "proj_out.weight": (output, width),
        "proj_out.bias": (output,),
        "norm_out.weight": (output,),
        "norm_out.bias": (output,),
    }
    for layer in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            shapes[f"layers.{layer}.{norm}.weight"] = (width,)
            shapes[f"layers.{layer}.{norm}.bias"] = (width,)
        shapes[f"layers.{layer}.0.to_q.weight"] = (width, width)
        shapes[f"layers.{layer}.0.to_kv.weight"] = (2 * width, width)
        shapes[f"layers.{layer}.0.to_out.weight"] = (width, width)
        shapes[f"layers.{layer}.1.1.weight"] = (4 * width, width)
        shapes[f"layers.{layer}.1.3.weight"] = (width, 4 * width)
    generator = torch.Generator().manual_seed(4)
    return {
        name: torch.randn(shape, generator=generator) / shape[-1] ** 0.5
        for name, shape in shapes.items()
    }


def write_text_encoders(directory: Path) -> None:
    """Write SDXL's four folders; the vocabulary is one token a letter."""
    torch.manual_seed(5)
    kinds = (CLIPTextModel, CLIPTextModelWithProjection)
    for suffix, pad_token, hidden_size, kind in zip(
        ("", "_2"), ("<|endoftext|>", "!"), HIDDEN_SIZES, kinds, strict=True
    ):
        num_tokens = _write_tokenizer(directory / f"tokenizer{suffix}", pad_token)
        config = CLIPTextConfig(
            vocab_size=num_tokens,
            hidden_size=hidden_size,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=77,
            projection_dim=POOLED_DIM,
            bos_token_id=num_tokens - 2,
            eos_token_id=num_tokens - 1,  # 2 would mean transformers' legacy pooling
        )
        kind(config).save_pretrained(directory / f"text_encoder{suffix}")


def _write_tokenizer(directory: Path, pad_token: str) -> int:
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>"]
    vocabulary = {token: index for index, token in enumerate([*tokens, "<|endoftext|>"])}
    directory.mkdir(parents=True)
    (directory / "vocab.json").write_text(json.dumps(vocabulary))
    (directory / "merges.txt").write_text("#version: 0.2\n")
    special = {
        "tokenizer_class": CLIPTokenizer.__name__,
        "model_max_length": 77,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": pad_token,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(special))
    return len(vocabulary)


def write_repository(root: Path) -> None:
    """Write the weights of every node, laid out as a model repository without configs."""
    unet = tiny_unet()
    unet.save_pretrained(root / "unet/1")
    save_file(tiny_adapter(unet), root / "unet/1/ip_adapter.safetensors")
    tiny_controlnet().save_pretrained(root / "identitynet/1")
    sizes = {"limb_width_px": 1, "dot_radius_px": 2}
    (root / "identitynet/1/keypoint_map.json").write_text(json.dumps(sizes))
    for half in ("vae_decoder", "vae_encoder"):
        write_vae_half(root / half / "1", tiny_vae(), half)
    (root / "id_resampler/1").mkdir(parents=True)
    save_file(tiny_image_proj(), root / "id_resampler/1/image_proj.safetensors")
    write_text_encoders(root / "text_encoder/1")
    (root / "instantid/1").mkdir(parents=True)
    (root / "instantid/1/pipeline.json").write_text(json.dumps(PIPELINE))
    (root / "instantid/1/scheduler_config.json").write_text(json.dumps(SCHEDULER_CONFIG))
    write_safety_checker(root / "safety/1")
    for without_weights in ("instantid_stream", "face_analysis", "enroll", "face_embedder"):
        (root / without_weights / "1").mkdir(parents=True)
    # No test runs it, but public models take the fingerprint of what made the embeddings.
    (root / "face_embedder/1/model.onnx").write_bytes(b"a recogniser")


def write_vae_half(directory: Path, vae: AutoencoderKL, half: str) -> None:
    """Write `vae` with the tensors of one half alone, as the repository keeps them."""
    prefixes = {
        "vae_decoder": ("decoder.", "post_quant_conv."),
        "vae_encoder": ("encoder.", "quant_conv."),
    }
    vae.save_config(directory)
    tensors = {
        name: tensor for name, tensor in vae.state_dict().items() if name.startswith(prefixes[half])
    }
    save_file(tensors, directory / "diffusion_pytorch_model.safetensors")
