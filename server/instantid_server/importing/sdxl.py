"""Stable Diffusion XL: what a checkpoint of it consists of, and the published configs of its base.

A single file holds tensors and no configs. All checkpoints derived from SDXL share the base's.
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from instantid_server.importing.network import Config, Network

ENCODER_FOLDERS = ("text_encoder", "text_encoder_2")
TOKENIZER_FOLDERS = ("tokenizer", "tokenizer_2")
TEXT_WRAPPER = "text_model."  # transformers before 5.6 had it around the first encoder as well


@dataclass(frozen=True)
class SdxlCheckpoint:
    """Every part of an SDXL checkpoint that is served."""

    unet: Network
    vae: Network
    text_encoders: tuple[Network, Network]
    tokenizers: tuple[Path, Path]
    scheduler: Config
    files: tuple[Path, ...]  # that all but the tokenizers were read from
    notes: tuple[str, ...] = ()  # what was assumed of it


@dataclass(frozen=True)
class SdxlConfigs:
    """The configs of the networks in a single file."""

    unet: Config
    vae: Config
    text_encoders: tuple[Config, Config]


_CLIP = MappingProxyType(
    {
        "model_type": "clip_text_model",
        "vocab_size": 49408,
        "max_position_embeddings": 77,
        "layer_norm_eps": 1e-05,
        "bos_token_id": 0,
        "eos_token_id": 2,  # as published; transformers then pools where the largest id is
        "pad_token_id": 1,
    }
)

SDXL_BASE = SdxlConfigs(
    unet={
        "_class_name": "UNet2DConditionModel",
        "sample_size": 128,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": [320, 640, 1280],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 2,
        "transformer_layers_per_block": [1, 2, 10],
        "attention_head_dim": [5, 10, 20],
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    vae={
        "_class_name": "AutoencoderKL",
        "sample_size": 1024,
        "latent_channels": 4,
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "layers_per_block": 2,
        "scaling_factor": 0.13025,
        "force_upcast": True,
    },
    text_encoders=(
        {
            **_CLIP,
            "architectures": ["CLIPTextModel"],
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "hidden_act": "quick_gelu",
            "projection_dim": 768,
        },
        {
            **_CLIP,
            "architectures": ["CLIPTextModelWithProjection"],
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "num_hidden_layers": 32,
            "num_attention_heads": 20,
            "hidden_act": "gelu",
            "projection_dim": 1280,
        },
    ),
)

SDXL_SCHEDULER: Config = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "interpolation_type": "linear",
    "use_karras_sigmas": False,
}
