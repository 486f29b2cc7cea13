"""The loop: what every step asks for, and what it makes of the answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from stages import FakeStages, contract_types, types_of
from tiny_networks import CROSS_ATTENTION_DIM, LATENT_CHANNELS, POOLED_DIM, SCHEDULER_CONFIG

from instantid_server.denoise import Conditions, Denoiser, Step
from instantid_server.noise import NoiseSource
from instantid_server.request import GenerationRequest, SizeLimits, read_request
from instantid_server.schedulers import Schedule
from scripts.known_keys import NOISE_KEY

LIMITS = SizeLimits(64, 96, 512, 512, 8)
SHAPE = (LATENT_CHANNELS, 8, 12)
NOISE = NoiseSource(NOISE_KEY)
WINDOWS = [
    # start, end, steps: which of them IdentityNet takes part in
    (0.0, 1.0, 4, [1, 1, 1, 1]),
    (0.0, 0.5, 4, [1, 1, 0, 0]),
    (0.5, 1.0, 4, [0, 0, 1, 1]),
    (0.25, 0.75, 4, [0, 1, 1, 0]),
    (0.3, 0.6, 4, [0, 0, 0, 0]),
    (0.3, 0.8, 4, [0, 0, 1, 0]),
    (0.0, 0.0, 2, [0, 0]),
    (1.0, 1.0, 2, [0, 0]),
    (0.0, 0.99, 3, [1, 1, 0]),
]


def make_request(**changes: Any) -> GenerationRequest:
    tensors = {name: np.array([b"photo"], np.object_) for name in ("prompt", "face_image")}
    steps = {"num_inference_steps": np.array([4], np.int32)}
    return replace(read_request({**tensors, **steps}, LIMITS), **changes)


def make_conditions(branches: int = 2) -> Conditions:
    """Return conditions whose branches differ in every tensor."""
    number = np.arange(1, branches + 1, dtype=np.float32)
    return Conditions(
        prompt_embeds=np.tile(number[:, None, None], (1, 77, CROSS_ATTENTION_DIM)),
        pooled_prompt_embeds=np.tile(number[:, None], (1, POOLED_DIM)),
        identity_tokens=np.tile(number[:, None, None] * 10, (1, 16, CROSS_ATTENTION_DIM)),
        face_keypoints=np.arange(10, dtype=np.float32).reshape(1, 5, 2),
    )


def denoise(
    stages: FakeStages,
    request: GenerationRequest,
    branches: int = 2,
    seeds: Sequence[int] = (1,),
    max_batch_rows: int = 16,
    step_model: str = "denoise_step",
) -> list[Step]:
    schedule = Schedule(request.scheduler, SCHEDULER_CONFIG, request.num_inference_steps)
    denoiser = Denoiser(stages, max_batch_rows, step_model, NOISE)
    conditions = make_conditions(branches)
    return list(denoiser.denoise(request, conditions, schedule, list(seeds), SHAPE))


@pytest.mark.parametrize(("start", "end", "steps", "inside"), WINDOWS)
def test_identitynet_takes_part_inside_the_guidance_window_alone(
    start: float, end: float, steps: int, inside: list[int]
) -> None:
    stages = FakeStages()
    request = make_request(
        control_guidance_start=start, control_guidance_end=end, num_inference_steps=steps
    )
    denoise(stages, request)
    assert stages.names == ["denoise_step" if part else "unet" for part in inside]


@pytest.mark.parametrize(("start", "end", "steps", "inside"), WINDOWS)
def test_both_ways_of_making_a_step_draw_the_same(
    start: float, end: float, steps: int, inside: list[int]
) -> None:
    request = make_request(
        control_guidance_start=start, control_guidance_end=end, num_inference_steps=steps
    )
    one_queue = FakeStages()
    drawn = denoise(one_queue, request, step_model="unet")
    assert one_queue.names == ["unet"] * steps
    assert [bool(step.batches.identitynet) for step in drawn] == [bool(part) for part in inside]
    torch.testing.assert_close(drawn[-1].latents, denoise(FakeStages(), request)[-1].latents)


def test_scale_of_zero_leaves_identitynet_out() -> None:
    stages = FakeStages()
    steps = denoise(stages, make_request(controlnet_conditioning_scale=0.0))
    assert stages.names == ["unet"] * 4
    assert [(step.batches.unet, step.batches.identitynet) for step in steps] == [(4.0, 0.0)] * 4


def test_steps_tell_how_many_requests_shared_their_batches() -> None:
    (step, *_) = denoise(FakeStages(), make_request())
    assert (step.batches.unet, step.batches.identitynet) == (3.0, 2.0)


@pytest.mark.parametrize("model", ["denoise_step", "unet"])
def test_tensors_have_the_types_of_the_contract(model: str) -> None:
    stages = FakeStages()
    scale = 0.8 if model == "denoise_step" else 0.0
    denoise(stages, make_request(controlnet_conditioning_scale=scale))
    assert types_of(stages.inputs_of(model)[0]) == contract_types(model, "FP32")


def test_rows_are_negative_then_positive_for_each_picture() -> None:
    stages = FakeStages()
    denoise(stages, make_request(), seeds=[1, 2])
    (first, *_) = stages.inputs_of("denoise_step")
    assert first["prompt_embeds"][:, 0, 0].tolist() == [1, 2, 1, 2]
    assert first["pooled_prompt_embeds"][:, 0].tolist() == [1, 2, 1, 2]
    assert first["identity_tokens"][:, 0, 0].tolist() == [10, 20, 10, 20]
    np.testing.assert_array_equal(first["latents"][0], first["latents"][1])
    assert not np.array_equal(first["latents"][1], first["latents"][2])


def test_rows_carry_the_request() -> None:
    stages = FakeStages()
    denoise(stages, make_request(ip_adapter_scale=0.5, controlnet_conditioning_scale=0.75))
    (first, *_) = stages.inputs_of("denoise_step")
    assert first["time_ids"].tolist() == [[64, 96, 0, 0, 64, 96]] * 2
    assert first["ip_adapter_scale"].tolist() == [[0.5]] * 2
    assert first["controlnet_conditioning_scale"].tolist() == [[0.75]] * 2
    assert first["face_keypoints"].shape == (2, 1, 5, 2)
    assert first["latents"].shape == (2, *SHAPE)


def test_steps_see_the_timesteps_of_the_schedule() -> None:
    stages = FakeStages()
    denoise(stages, make_request())
    timesteps = [inputs["timestep"].tolist() for inputs in stages.inputs_of("denoise_step")]
    assert timesteps == [[[751]] * 2, [[501]] * 2, [[251]] * 2, [[1]] * 2]


def test_network_sees_the_noise_scaled_by_its_schedule() -> None:
    stages = FakeStages()
    denoise(stages, make_request(), seeds=[5])
    schedule = Schedule("EulerDiscreteScheduler", SCHEDULER_CONFIG, 4)
    noise = NOISE.draw(5, SHAPE)[0] * schedule.init_noise_sigma
    expected = schedule.scale_model_input(noise, schedule.timesteps[0])
    np.testing.assert_allclose(stages.inputs_of("denoise_step")[0]["latents"][0], expected)


@pytest.mark.parametrize("guidance", [1.5, 5.0])
def test_guidance_goes_from_the_negative_branch_towards_the_positive(guidance: float) -> None:
    request = make_request(guidance_scale=guidance, num_inference_steps=1)
    both = denoise(FakeStages(), request)[0].latents
    # The branches of the fake differ by 1 (prompt) + 10 (face) everywhere.
    schedule = Schedule("EulerDiscreteScheduler", SCHEDULER_CONFIG, 1)
    (timestep,) = schedule.timesteps
    noise = NOISE.draw(1, SHAPE)[0][None] * schedule.init_noise_sigma
    seen = schedule.scale_model_input(noise, timestep)
    negative = 0.1 * seen + 1 + 10 + 0.8 + 0.8 + float(timestep) / 1000
    expected, _ = schedule.step(negative + guidance * 11, timestep, noise, [])
    torch.testing.assert_close(both, expected, rtol=1e-4, atol=1e-3)


def test_one_branch_is_taken_as_it_is() -> None:
    stages = FakeStages()
    steps = denoise(stages, make_request(guidance_scale=1.0), branches=1)
    assert {len(inputs["latents"]) for inputs in stages.inputs_of("denoise_step")} == {1}
    assert steps[-1].latents.shape == (1, *SHAPE)


@pytest.mark.parametrize(("limit", "calls"), [(16, 1), (6, 1), (4, 2), (3, 2), (2, 3), (1, 6)])
def test_more_rows_than_the_limit_are_split_and_give_the_same(limit: int, calls: int) -> None:
    request = make_request(num_inference_steps=2)
    whole = denoise(FakeStages(), request, seeds=[1, 2, 3])[-1].latents
    stages = FakeStages()
    split = denoise(stages, request, seeds=[1, 2, 3], max_batch_rows=limit)[-1].latents
    torch.testing.assert_close(split, whole)
    assert len(stages.calls) == 2 * calls
    assert max(len(inputs["latents"]) for inputs in stages.inputs_of("denoise_step")) <= limit


@pytest.mark.parametrize("scheduler", ["EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"])
def test_picture_alone_equals_the_picture_among_others(scheduler: str) -> None:
    request = make_request(scheduler=scheduler)
    together = denoise(FakeStages(), request, seeds=[7, 8, 9])[-1].latents
    torch.testing.assert_close(together[1:2], denoise(FakeStages(), request, seeds=[8])[-1].latents)


def test_steps_are_counted_and_foresee_the_end() -> None:
    steps = denoise(FakeStages(), make_request())
    assert [(step.index, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(step.foreseen.shape == step.latents.shape for step in steps)
    torch.testing.assert_close(steps[-1].foreseen, steps[-1].latents, rtol=1e-3, atol=1e-2)


def test_each_timestep_of_heun_is_a_step() -> None:
    steps = denoise(FakeStages(), make_request(scheduler="HeunDiscreteScheduler"))
    assert [step.total for step in steps] == [7] * 7
