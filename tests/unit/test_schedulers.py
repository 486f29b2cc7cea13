"""Schedulers: which are accepted, and that each can run."""

import pytest
import torch
from diffusers.schedulers import DDPMScheduler
from tiny_networks import SCHEDULER_CONFIG

from instantid_server.contract import SCHEDULERS
from instantid_server.errors import InvalidInput
from instantid_server.noise import NoiseSource
from instantid_server.scheduler_names import resolve_scheduler
from instantid_server.schedulers import Schedule
from scripts.known_keys import NOISE_KEY

SHAPE = (4, 8, 8)
NOISE = NoiseSource(NOISE_KEY)
each_scheduler = pytest.mark.parametrize("name", SCHEDULERS.values(), ids=SCHEDULERS)


def run(name: str, num_inference_steps: int, seeds: list[int]) -> torch.Tensor:
    """Return the latents after every step for a network that sees no noise at all."""
    schedule = Schedule(name, SCHEDULER_CONFIG, num_inference_steps)
    drawn = [NOISE.draw(seed, SHAPE) for seed in seeds]
    latents = torch.stack([noise for noise, _ in drawn]) * schedule.init_noise_sigma
    generators = [generator for _, generator in drawn]
    for timestep in schedule.timesteps:
        seen = schedule.scale_model_input(latents, timestep)
        assert seen.shape == latents.shape
        latents, foreseen = schedule.step(torch.zeros_like(seen), timestep, latents, generators)
        assert foreseen.shape == latents.shape
    return latents


@each_scheduler
@pytest.mark.parametrize("num_inference_steps", [1, 5, 40])
def test_every_accepted_scheduler_runs(name: str, num_inference_steps: int) -> None:
    assert run(name, num_inference_steps, [1, 2]).isfinite().all()


@each_scheduler
def test_picture_alone_goes_the_way_it_goes_among_others(name: str) -> None:
    torch.testing.assert_close(run(name, 5, [1, 2])[1], run(name, 5, [2])[0])


def draw(name: str, **changes: object) -> torch.Tensor:
    """Return where a network leads that knows the clean latents and says so as it was trained."""
    config = {**SCHEDULER_CONFIG, **changes}
    schedule = Schedule(name, config, num_inference_steps=10)
    clean = torch.linspace(-1, 1, 256).reshape(1, *SHAPE)
    signals = DDPMScheduler.from_config(config).alphas_cumprod.sqrt()
    noise, generator = NOISE.draw(7, SHAPE)
    latents = noise[None] * schedule.init_noise_sigma
    for timestep in schedule.timesteps:
        seen = schedule.scale_model_input(latents, timestep)
        signal = signals[int(timestep)]
        epsilon = (seen - signal * clean) / (1 - signal**2).sqrt()
        predictions = {
            "epsilon": epsilon,
            "v_prediction": signal * epsilon - (1 - signal**2).sqrt() * clean,
        }
        said = predictions[str(config["prediction_type"])]
        latents, _ = schedule.step(said, timestep, latents, [generator])
    return latents


@each_scheduler
def test_prediction_type_of_the_weights_is_heeded(name: str) -> None:
    drawn = draw(name, prediction_type="epsilon")
    as_v = draw(name, prediction_type="v_prediction")
    torch.testing.assert_close(as_v, drawn, atol=1e-3, rtol=0)  # rounding, added up over steps


@each_scheduler
def test_schedule_without_signal_at_its_start_draws(name: str) -> None:
    spacing = {"timestep_spacing": "trailing"}  # begins at the noisiest step
    drawn = draw(name, prediction_type="v_prediction", rescale_betas_zero_snr=True, **spacing)
    assert drawn.isfinite().all()


@each_scheduler
def test_noise_of_a_schedule_is_the_seeds_alone(name: str) -> None:
    first = run(name, 5, [3])
    torch.manual_seed(99)
    assert torch.equal(first, run(name, 5, [3]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EulerDiscreteScheduler", "EulerDiscreteScheduler"),
        ("eulerdiscretescheduler", "EulerDiscreteScheduler"),
        ("Euler", "EulerDiscreteScheduler"),
        (" EULER_A ", "EulerAncestralDiscreteScheduler"),
        ("DPM++", "DPMSolverMultistepScheduler"),
    ],
)
def test_class_and_short_names_are_known_in_any_case(name: str, expected: str) -> None:
    assert resolve_scheduler(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "euler b",
        "__import__('os').getcwd()",
        "FlowMatchEulerDiscreteScheduler",
        "KarrasVeScheduler",
        "x" * 5000,
    ],
    ids=["empty", "unknown", "code", "other-family", "not-offered", "long"],
)
def test_unknown_name_is_refused_with_all_that_are_accepted(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve_scheduler(name)
    for short, kind in SCHEDULERS.items():
        assert f"{kind} ({short})" in caught.value.message
    assert len(caught.value.message) < 600


def test_more_steps_than_lcm_was_distilled_for_are_refused() -> None:
    with pytest.raises(InvalidInput, match="num_inference_steps: LCMScheduler cannot take 150"):
        Schedule("LCMScheduler", SCHEDULER_CONFIG, 150)


def test_heun_takes_two_timesteps_a_step_but_one() -> None:
    assert len(Schedule("HeunDiscreteScheduler", SCHEDULER_CONFIG, 5).timesteps) == 9
