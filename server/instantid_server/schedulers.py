"""Schedulers: how one of diffusers' is set up for a picture."""

import inspect
from collections.abc import Mapping
from typing import Any

import diffusers.schedulers
import torch
from torch import Tensor

from instantid_server.errors import InvalidInput


class Schedule:
    """One picture's way from noise to image: a scheduler of its own, set to its steps."""

    def __init__(self, name: str, config: Mapping[str, Any], num_inference_steps: int) -> None:
        self._scheduler = getattr(diffusers.schedulers, name).from_config(config)
        try:
            self._scheduler.set_timesteps(num_inference_steps, device="cpu")
        except ValueError as error:  # LCM's: its distillation fixes how many steps there can be
            raise InvalidInput(
                f"num_inference_steps: {name} cannot take {num_inference_steps} steps"
            ) from error
        # Ancestral schedulers draw noise at each step and take the generators to draw it from.
        self._draws_noise = "generator" in inspect.signature(self._scheduler.step).parameters
        self.timesteps: Tensor = self._scheduler.timesteps  # Heun has two for each step but one
        self.init_noise_sigma = float(self._scheduler.init_noise_sigma)

    def scale_model_input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """Return what the network sees of `latents` at `timestep`."""
        scaled: Tensor = self._scheduler.scale_model_input(latents, timestep)
        return scaled

    def step(
        self,
        noise_pred: Tensor,
        timestep: Tensor,
        latents: Tensor,
        generators: list[torch.Generator],
    ) -> tuple[Tensor, Tensor]:
        """Return the next latents, and the clean ones as this step foresees them.

        Schedulers that foresee nothing give the next latents twice.
        """
        options = {"generator": generators} if self._draws_noise else {}
        output = self._scheduler.step(noise_pred, timestep, latents, **options)
        foreseen = getattr(output, "pred_original_sample", None)
        return output.prev_sample, output.prev_sample if foreseen is None else foreseen
