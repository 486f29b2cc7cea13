"""The same loop behind Triton: what the split into models and the residuals' hop cost a step."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from instantid_client import Client
from instantid_server.contract import DENOISE_STEP, INSTANTID, UNET
from scripts.bench_gpu.one_process import seconds_per_step
from scripts.local_server import local_server

STEP_MODELS = (DENOISE_STEP.name, UNET.name)  # two models in a row; one that calls the other
_FEW_STEPS = 2  # a second length of the loop, to tell the steps from what comes once a picture
_TIMEOUT_S = 600.0
# Where ArcFace wants eyes, nose and mouth in a face of 112 x 112 (insightface, `arcface_dst`).
_FACE_PX = 112
_KEYPOINTS = ((38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2))


@dataclass(frozen=True)
class Load:
    """What is served, and what is asked."""

    repository: Path
    profile: str | None  # None: the CPU's
    size_px: int
    steps: int
    repeats: int


def measure_served(load: Load) -> Mapping[str, float]:
    """Return the time of a step in this process, and of one behind Triton by either way."""
    alone = seconds_per_step(load.repository, load.profile, load.size_px, load.repeats)
    figures = {"served_in_process_step_seconds": alone}
    for step_model in STEP_MODELS:
        with TemporaryDirectory() as folder:
            models = write_with_step_model(load, step_model, Path(folder))
            seconds = _seconds_per_step(load, models)
        figures[f"served_{step_model}_step_seconds"] = seconds
        figures[f"served_{step_model}_ratio"] = seconds / alone
    return figures


def write_with_step_model(load: Load, step_model: str, folder: Path) -> Path:
    """Return a repository in `folder` whose loop asks `step_model`; the weights are links."""
    for model in load.repository.iterdir():
        if model.name != INSTANTID.name:
            (folder / model.name).symlink_to(model.resolve())
    source = (load.repository / INSTANTID.name).resolve()
    public = folder / INSTANTID.name
    (public / "configs").mkdir(parents=True)
    (public / "1").symlink_to(source / "1")
    parameter = f'\nparameters {{ key: "step_model" value {{ string_value: "{step_model}" }} }}\n'
    for config in _configs(source, load.profile):
        (public / config).write_text((source / config).read_text() + parameter)
    return folder


def _configs(model: Path, profile: str | None) -> Iterator[str]:
    yield "config.pbtxt"
    if profile is not None:
        yield f"configs/{profile}.pbtxt"


def _seconds_per_step(load: Load, models: Path) -> float:
    with (
        local_server(models, profile=load.profile) as server,
        Client(server.grpc_url, timeout_s=_TIMEOUT_S) as client,
    ):
        whole, few = (_median_seconds(client, load, steps) for steps in (load.steps, _FEW_STEPS))
    return (whole - few) / (load.steps - _FEW_STEPS)


def _median_seconds(client: Client, load: Load, steps: int) -> float:
    embedding = np.random.default_rng(0).standard_normal(512, np.float32)
    keypoints = np.array(_KEYPOINTS, np.float32) * (load.size_px / _FACE_PX)

    def ask() -> float:
        began = perf_counter()
        client.generate(
            prompt="a portrait",
            face_embedding=embedding,
            face_keypoints=keypoints,
            width=load.size_px,
            height=load.size_px,
            num_inference_steps=steps,
            seed=0,
        )
        return perf_counter() - began

    ask()
    return statistics.median(ask() for _ in range(load.repeats))
