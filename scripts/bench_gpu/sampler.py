"""The sampler: pictures out of random conditions in one process, by InstantID's loop."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch import Tensor

from scripts.bench_gpu.attention import RememberingCrossAttention
from scripts.bench_gpu.networks import Networks
from tests.checkpoints.configs import SCHEDULER
from tests.checkpoints.scale import Scale

TEXT_TOKENS = 77
IDENTITY_TOKENS = 16
LATENT_CHANNELS = 4
PIXELS_A_LATENT = 8
GUIDANCE_SCALE = 5.0
ADAPTER_SCALE = 0.8
CONTROL_SCALE = 0.8

Step = Callable[[Tensor, Tensor], Tensor]  # latents and time of every row -> noise of every row


@dataclass(frozen=True)
class Conditions:
    """What every step of some pictures gets; two rows a picture, without and with the prompt."""

    prompt_embeds: Tensor  # (rows, 77, D)
    identity_tokens: Tensor  # (rows, 16, D)
    pooled: Tensor  # (rows, P)
    time_ids: Tensor  # (rows, 6)
    control: Tensor  # the keypoint map (rows, 3, H, W)
    noise: Tensor  # (pictures, 4, H / 8, W / 8), float32


def draw_conditions(
    scale: Scale, pictures: int, size_px: int, device: torch.device, dtype: torch.dtype
) -> Conditions:
    """Return random conditions; the first picture's are the same in a batch of any size."""

    def rows(seed: int, *shape: int) -> Tensor:
        both = torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
        return both.repeat_interleave(pictures, dim=0).to(device, dtype)

    side = size_px // PIXELS_A_LATENT
    noise = [
        torch.randn(LATENT_CHANNELS, side, side, generator=torch.Generator().manual_seed(picture))
        for picture in range(pictures)
    ]
    time_ids = [[size_px, size_px, 0, 0, size_px, size_px]] * (2 * pictures)
    return Conditions(
        prompt_embeds=rows(1, TEXT_TOKENS, scale.cross_attention_dim),
        identity_tokens=rows(2, IDENTITY_TOKENS, scale.cross_attention_dim),
        pooled=rows(3, scale.pooled_dim),
        time_ids=torch.tensor(time_ids, dtype=torch.float32, device=device),
        control=rows(4, 3, size_px, size_px).sigmoid(),
        noise=torch.stack(noise).to(device),
    )


class Sampler:
    """Draws with networks as a rung has left them."""

    def __init__(self, networks: Networks, steps: int) -> None:
        self.networks = networks
        self.remembers = False  # the keypoint map's embedding, and the keys of text and face
        self.compiled: Callable[[Step], Step] | None = None
        self._steps = steps
        self._compiled_steps: dict[torch.Size, Step] = {}
        self._conditions: Conditions | None = None
        self._control: Tensor | None = None

    @torch.inference_mode()
    def draw(self, conditions: Conditions) -> Tensor:
        """Return the pixels (pictures, 3, H, W), not yet limited to a range."""
        self._begin(conditions)
        step = self._step_for(conditions.noise.shape)
        scheduler = EulerDiscreteScheduler.from_config(SCHEDULER)
        scheduler.set_timesteps(self._steps, device=conditions.noise.device)
        latents = conditions.noise * scheduler.init_noise_sigma
        dtype = self.networks.unet.dtype
        for timestep in scheduler.timesteps:
            model_input = scheduler.scale_model_input(latents, timestep)
            rows = torch.cat([model_input, model_input]).to(dtype)
            torch.compiler.cudagraph_mark_step_begin()
            negative, positive = step(rows, timestep.expand(len(rows))).float().chunk(2)
            noise = negative + GUIDANCE_SCALE * (positive - negative)
            latents = scheduler.step(noise, timestep, latents, return_dict=False)[0]
        return self.decode(latents)

    @torch.inference_mode()
    def step_once(self, conditions: Conditions) -> Tensor:
        """Return the noise (rows, ...) of one step, as it is without any change."""
        self._begin(conditions)
        rows = torch.cat([conditions.noise, conditions.noise]).to(self.networks.unet.dtype)
        return self._step(rows, rows.new_zeros(len(rows)))

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Return the pixels (pictures, 3, H, W) of latents."""
        vae = self.networks.vae
        pixels: Tensor = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample
        return pixels.float()

    def _begin(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._control = conditions.control
        if self.remembers:
            unet, identitynet = self.networks.unet, self.networks.identitynet
            self._control = self.networks.map_embedding(conditions.control)
            contexts = (conditions.prompt_embeds, conditions.identity_tokens)
            for network, seen in ((unet, contexts), (identitynet, contexts[1:])):
                for processor in network.attn_processors.values():
                    if isinstance(processor, RememberingCrossAttention):
                        processor.remember(seen)

    def _step_for(self, shape: torch.Size) -> Step:
        """Return the step of these latents: a compiled one is made for each of their shapes."""
        if self.compiled is None:
            return self._step
        if shape not in self._compiled_steps:
            self._compiled_steps[shape] = self.compiled(self._step)
        return self._compiled_steps[shape]

    def _step(self, latents: Tensor, times: Tensor) -> Tensor:
        conditions = self._conditions
        assert conditions is not None
        added = {"text_embeds": conditions.pooled, "time_ids": conditions.time_ids}
        down, mid = self.networks.identitynet(
            latents,
            times,
            encoder_hidden_states=conditions.identity_tokens,
            controlnet_cond=self._control,
            conditioning_scale=CONTROL_SCALE,
            added_cond_kwargs=added,
            return_dict=False,
        )
        scales = latents.new_full((len(latents),), ADAPTER_SCALE)
        noise: Tensor = self.networks.unet(
            latents,
            times,
            encoder_hidden_states=(conditions.prompt_embeds, conditions.identity_tokens),
            added_cond_kwargs=added,
            cross_attention_kwargs={"adapter_scale": scales},
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
            return_dict=False,
        )[0]
        return noise
