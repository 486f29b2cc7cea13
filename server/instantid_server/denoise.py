"""The denoising loop of InstantID (section 3.2), the same for one picture or several.

Every step asks for the noise in all rows at once: for each picture one row with the negative prompt
and nobody's face, one with the prompt and the face. Guidance joins the two.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instantid_server.contract import DENOISE_STEP, UNET, ModelSpec
from instantid_server.node import StageCall
from instantid_server.noise import NoiseSource
from instantid_server.request import GenerationRequest
from instantid_server.schedulers import Schedule
from instantid_server.timings import StepBatches

Array = NDArray[Any]


@dataclass(frozen=True)
class Conditions:
    """What steers every step. Branches: (negative, positive) with guidance, else positive alone."""

    prompt_embeds: Array  # (branches, words, D)
    pooled_prompt_embeds: Array  # (branches, P)
    identity_tokens: Array  # (branches, 16, D); the negative branch has those of an all-zero face
    face_keypoints: NDArray[np.float32]  # (faces, 5, 2), pixels of the result


@dataclass(frozen=True)
class Step:
    """The state after one step."""

    index: int  # steps done
    total: int
    latents: Tensor  # (pictures, channels, height / 8, width / 8)
    foreseen: Tensor  # the same, as clean as this step can tell
    batches: StepBatches
    seconds: float


class Denoiser:
    """Runs the loop of one request on the stages."""

    def __init__(
        self, call: StageCall, max_batch_rows: int, step_model: str, noise: NoiseSource
    ) -> None:
        """Ask `step_model` for each step: the ensemble of both networks, or the UNet's node."""
        self._call = call
        self._max_batch_rows = max_batch_rows
        self._step_model = step_model
        self._noise = noise

    def denoise(
        self,
        request: GenerationRequest,
        conditions: Conditions,
        schedule: Schedule,
        picture_seeds: list[int],
        latents_shape: tuple[int, int, int],
    ) -> Iterator[Step]:
        """Yield after every step; the last one's latents are the pictures."""
        drawn = [self._noise.draw(seed, latents_shape) for seed in picture_seeds]
        generators = [generator for _, generator in drawn]
        latents = torch.stack([noise for noise, _ in drawn]) * schedule.init_noise_sigma
        rows = self._constant_rows(request, conditions, len(picture_seeds))
        total = len(schedule.timesteps)
        for index, timestep in enumerate(schedule.timesteps):
            started = perf_counter()
            model_input = schedule.scale_model_input(latents, timestep)
            control = _inside_window(request, index, total)
            branch_noise, batches = self._predict(model_input, float(timestep), rows, control)
            noise_pred = _guide(branch_noise, request.guidance_scale)
            latents, foreseen = schedule.step(noise_pred, timestep, latents, generators)
            seconds = perf_counter() - started
            yield Step(index + 1, total, latents, foreseen, batches, seconds)

    def _constant_rows(
        self, request: GenerationRequest, conditions: Conditions, num_pictures: int
    ) -> dict[str, Array]:
        """Return the tensors that no step changes, a picture's branches next to each other."""

        def repeat(of_branches: Array) -> Array:
            return np.concatenate([of_branches] * num_pictures)

        num_rows = num_pictures * len(conditions.prompt_embeds)
        size = (request.height, request.width)
        return {
            "prompt_embeds": repeat(conditions.prompt_embeds),
            "pooled_prompt_embeds": repeat(conditions.pooled_prompt_embeds),
            "identity_tokens": repeat(conditions.identity_tokens),
            # Original size, crop, target size: InstantID says the picture is whole and this large.
            "time_ids": _rows(num_rows, (*size, 0, 0, *size)),
            "ip_adapter_scale": _rows(num_rows, (request.ip_adapter_scale,)),
            "controlnet_conditioning_scale": _rows(
                num_rows, (request.controlnet_conditioning_scale,)
            ),
            "face_keypoints": np.stack([conditions.face_keypoints] * num_rows),
        }

    def _predict(
        self, model_input: Tensor, timestep: float, rows: Mapping[str, Array], control: bool
    ) -> tuple[Tensor, StepBatches]:
        """Return the noise (pictures, branches, channels, height, width) of one step."""
        num_rows = len(rows["time_ids"])
        branches = num_rows // len(model_input)
        latents = model_input.repeat_interleave(branches, dim=0).numpy()
        inputs = {**rows, "latents": latents, "timestep": _rows(num_rows, (timestep,))}
        noise, batches = [], []
        for first in range(0, num_rows, self._max_batch_rows):
            part = {name: a[first : first + self._max_batch_rows] for name, a in inputs.items()}
            part_noise, part_batches = self._call_step(part, control)
            noise.append(part_noise)
            batches.append(part_batches)
        joined = torch.from_numpy(np.concatenate(noise).astype(np.float32))
        mean = StepBatches(
            unet=float(np.mean([batch.unet for batch in batches])),
            identitynet=float(np.mean([batch.identitynet for batch in batches])),
        )
        return joined.unflatten(0, (len(model_input), branches)), mean

    def _call_step(self, part: dict[str, Array], control: bool) -> tuple[Array, StepBatches]:
        """Ask for one batch of rows; without control, IdentityNet is left out."""
        if control and self._step_model == DENOISE_STEP.name:
            return self._answer(DENOISE_STEP, part, "unet_batch_requests")
        part["residuals"] = np.empty((len(part["latents"]), 0), np.float32)
        if not control:
            part["controlnet_conditioning_scale"] = _rows(len(part["latents"]), (0.0,))
        return self._answer(UNET, part, "batch_requests")

    def _answer(
        self, model: ModelSpec, part: Mapping[str, Array], unet_count: str
    ) -> tuple[Array, StepBatches]:
        inputs = {spec.name: part[spec.name] for spec in model.inputs}
        counts = [unet_count, "identitynet_batch_requests"]
        outputs = self._call(model.name, inputs, ["noise_pred", *counts])
        unet, identitynet = (float(outputs[name][0, 0]) for name in counts)
        return outputs["noise_pred"], StepBatches(unet, identitynet)


def _inside_window(request: GenerationRequest, index: int, total: int) -> bool:
    """Return whether IdentityNet takes part in this step, by diffusers' rule for ControlNets."""
    starts_early = index / total < request.control_guidance_start
    ends_late = (index + 1) / total > request.control_guidance_end
    return request.controlnet_conditioning_scale > 0 and not (starts_early or ends_late)


def _guide(branch_noise: Tensor, guidance_scale: float) -> Tensor:
    """Return the guided noise (pictures, ...) of (pictures, branches, ...); one branch as it is."""
    if branch_noise.shape[1] == 1:
        return branch_noise[:, 0]
    negative, positive = branch_noise.unbind(dim=1)
    return negative + guidance_scale * (positive - negative)


def _rows(num_rows: int, values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.tile(np.array(values, np.float32), (num_rows, 1))
