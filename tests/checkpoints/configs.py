"""The configs that lie beside the released weights, with the widths of a scale."""

from typing import Any

from tests.checkpoints.scale import HEAD_SIZE, Scale

Config = dict[str, Any]

SCHEDULER: Config = {
    "_class_name": "EulerDiscreteScheduler",
    "_diffusers_version": "0.19.0.dev0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "interpolation_type": "linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "trained_betas": None,
    "use_karras_sigmas": False,
}
MODEL_INDEX: Config = {
    "_class_name": "StableDiffusionXLPipeline",
    "_diffusers_version": "0.19.0.dev0",
    "force_zeros_for_empty_prompt": True,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def unet_config(scale: Scale) -> Config:
    """Return `unet/config.json`."""
    return {
        "_class_name": "UNet2DConditionModel",
        **_conditioned(scale),
        "out_channels": 4,
        "sample_size": scale.native_px // 8,
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    }


def controlnet_config(scale: Scale) -> Config:
    """Return `ControlNetModel/config.json`."""
    return {
        "_class_name": "ControlNetModel",
        **_conditioned(scale),
        "conditioning_channels": 3,
        "conditioning_embedding_out_channels": list(scale.map_channels),
        "controlnet_conditioning_channel_order": "rgb",
        "global_pool_conditions": False,
    }


def vae_config(scale: Scale) -> Config:
    """Return `vae/config.json`."""
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": list(scale.vae_channels),
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "force_upcast": True,
        "in_channels": 3,
        "latent_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "out_channels": 3,
        "sample_size": scale.native_px,
        "scaling_factor": 0.13025,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    }


def text_config(scale: Scale, index: int) -> Config:
    """Return the config.json of `text_encoder` (0) or `text_encoder_2` (1)."""
    width = scale.text_widths[index]
    return {
        "architectures": [("CLIPTextModel", "CLIPTextModelWithProjection")[index]],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 2,  # as released: wrong, and CLIP's pooling knows it
        "hidden_act": ("quick_gelu", "gelu")[index],
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "num_attention_heads": width // HEAD_SIZE,
        "num_hidden_layers": (12, 32)[index],
        "pad_token_id": 1,
        "projection_dim": width,
        "torch_dtype": "float16",
        "vocab_size": scale.vocab_size,
    }


def _conditioned(scale: Scale) -> Config:
    """Return what the UNet and the ControlNet have in common."""
    return {
        "act_fn": "silu",
        "addition_embed_type": "text_time",
        "addition_embed_type_num_heads": 64,
        "addition_time_embed_dim": scale.time_embed_dim,
        # Number of heads, by a mistake in the name; the first level has no attention.
        "attention_head_dim": [-(-channels // HEAD_SIZE) for channels in scale.unet_channels],
        "block_out_channels": list(scale.unet_channels),
        "cross_attention_dim": scale.cross_attention_dim,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 2,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "norm_eps": 1e-05,
        "norm_num_groups": 32,
        "projection_class_embeddings_input_dim": 6 * scale.time_embed_dim + scale.pooled_dim,
        "transformer_layers_per_block": [1, 2, 10],
        "use_linear_projection": True,
    }
