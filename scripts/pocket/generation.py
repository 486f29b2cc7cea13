"""Generation: many pictures at once in this process, to look at the weights while they train."""

from dataclasses import dataclass

import torch
from torch import Tensor

from instantid_server.schedulers import Schedule
from scripts.pocket.adapter_training import keypoint_maps
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.diffusion import scheduler_config
from scripts.pocket.export import Networks
from scripts.pocket.guidance import GUIDANCE_SCALE
from scripts.pocket.networks import LATENT_CHANNELS, LATENT_SIZE
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.prompts import PromptEncoder


@dataclass(frozen=True)
class GenerationOptions:
    """The dials, with the public defaults but for steps and guidance."""

    num_inference_steps: int = 20
    guidance_scale: float = GUIDANCE_SCALE
    ip_adapter_scale: float = 0.8
    controlnet_conditioning_scale: float = 0.8
    scheduler: str = "EulerDiscreteScheduler"
    seed: int = 0


@dataclass(frozen=True)
class Conditions:
    """What steers the pictures: the rows without conditions first, then those with."""

    prompt_embeds: Tensor  # [2n, 77, 224]
    pooled: Tensor  # [2n, 128]
    identity_tokens: Tensor  # [2n, 16, 224]
    keypoint_maps: Tensor  # [2n, 3, 128, 128] in 0..1


def generate(
    networks: Networks,
    prompts: PromptEncoder,
    captions: list[str],
    embeddings: Floats,
    keypoints: Floats,
    options: GenerationOptions,
) -> Picture:
    """Return uint8 pictures [n, 128, 128, 3] for embeddings [n, 512] and keypoints [n, 5, 2]."""
    conditions = encode_conditions(networks, prompts, captions, embeddings, keypoints)
    generator = torch.Generator().manual_seed(options.seed)
    shape = (len(captions), LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    noise = torch.randn(shape, generator=generator)
    return denoise(networks, conditions, noise, [generator], options)


@torch.inference_mode()
def encode_conditions(
    networks: Networks,
    prompts: PromptEncoder,
    captions: list[str],
    embeddings: Floats,
    keypoints: Floats,
) -> Conditions:
    """Return what steers the pictures of captions, embeddings [n, 512] and keypoints [n, 5, 2]."""
    faces = torch.from_numpy(embeddings)
    prompt_embeds, pooled = prompts([""] * len(captions) + captions)
    return Conditions(
        prompt_embeds,
        pooled,
        networks.resampler(torch.cat([torch.zeros_like(faces), faces])[:, None]),
        keypoint_maps(keypoints).repeat(2, 1, 1, 1),
    )


@torch.inference_mode()
def denoise(
    networks: Networks,
    conditions: Conditions,
    noise: Tensor,
    generators: list[torch.Generator],
    options: GenerationOptions,
) -> Picture:
    """Return uint8 pictures [n, 128, 128, 3] from noise [n, 12, 16, 16].

    The generators draw the noise of ancestral schedulers: one for each picture, or one for all.
    """
    schedule = Schedule(options.scheduler, scheduler_config(), options.num_inference_steps)
    latents = noise * schedule.init_noise_sigma
    for timestep in schedule.timesteps:
        inputs = schedule.scale_model_input(latents, timestep).repeat(2, 1, 1, 1)
        without, with_conditions = _velocity(networks, inputs, timestep, conditions, options).chunk(
            2
        )
        guided = without + options.guidance_scale * (with_conditions - without)
        latents, _ = schedule.step(guided, timestep, latents, generators)
    return _pictures(networks, latents)


def _velocity(
    networks: Networks,
    latents: Tensor,
    timestep: Tensor,
    conditions: Conditions,
    options: GenerationOptions,
) -> Tensor:
    size = [NATIVE_SIZE_PX, NATIVE_SIZE_PX]
    time_ids = torch.tensor([[*size, 0, 0, *size]]).float().repeat(len(latents), 1)
    added = {"text_embeds": conditions.pooled, "time_ids": time_ids}
    down, middle = networks.identitynet(
        latents,
        timestep,
        conditions.identity_tokens,
        conditions.keypoint_maps,
        conditioning_scale=options.controlnet_conditioning_scale,
        added_cond_kwargs=added,
        return_dict=False,
    )
    scale = torch.full((len(latents),), options.ip_adapter_scale)
    velocity: Tensor = networks.unet(
        latents,
        timestep,
        (conditions.prompt_embeds, conditions.identity_tokens),
        added_cond_kwargs=added,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
        cross_attention_kwargs={"adapter_scale": scale},
    ).sample
    return velocity


def _pictures(networks: Networks, latents: Tensor) -> Picture:
    decoded = networks.vae.decode(latents / networks.vae.config.scaling_factor).sample
    pixels: Picture = (
        ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    )
    return pixels
