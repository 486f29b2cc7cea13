"""Stages in clock mode, and the repository that they stand in."""

import threading
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from instantid_server.contract import (
    CREDENTIALS,
    FACE_ANALYSIS,
    IDENTITYNET,
    MODELS,
    SAFETY,
    UNET,
    VAE_DECODER,
    ModelSpec,
)
from instantid_server.node import Tensors
from scripts.cluster.clock_repository import StageClocks, write_clock_repositories
from scripts.cluster.clock_stage import CLOCK_FILE, ClockStage, Device
from scripts.cluster.curves import ServiceCurve, read_clock

SOON = ServiceCurve.constant(0.1)
LATENTS = np.zeros((2, 12, 16, 24), np.float32)


def answer(spec: ModelSpec, request: Tensors) -> Tensors:
    (outcome,) = ClockStage(spec, SOON, Device(None)).run([request])
    assert isinstance(outcome, dict)
    return outcome


@pytest.mark.parametrize(
    ("spec", "name", "shape"),
    [
        pytest.param(UNET, "noise_pred", LATENTS.shape, id="noise"),
        pytest.param(VAE_DECODER, "image", (2, 128, 192, 3), id="picture"),
        pytest.param(IDENTITYNET, "residuals", (2, 0), id="residuals"),
        pytest.param(FACE_ANALYSIS, "face_embeddings", (2, 1, 512), id="one-face"),
        pytest.param(CREDENTIALS, "encoded_image", (2, 1), id="encoded"),
    ],
)
def test_answers_have_the_shapes_of_the_contract(
    spec: ModelSpec, name: str, shape: tuple[int, ...]
) -> None:
    answered = answer(spec, {"latents": LATENTS})
    assert set(answered) == {tensor.name for tensor in spec.outputs}
    assert answered[name].shape == shape


def test_no_picture_is_flagged() -> None:
    assert not answer(SAFETY, {"image": LATENTS})["flagged"].any()


def test_a_batch_takes_the_time_of_all_its_rows() -> None:
    stage = ClockStage(UNET, ServiceCurve.of({2: 1.0, 4: 60.0}), Device(None))
    began = monotonic()
    outcomes = stage.run([{"latents": LATENTS}] * 2)
    assert monotonic() - began >= 0.06
    assert [int(each["batch_requests"][0, 0]) for each in outcomes] == [2, 2]  # type: ignore[index]  # no error


def test_stages_on_one_device_take_turns(tmp_path: Path) -> None:
    lock = tmp_path / "gpu"
    lock.touch()
    began = monotonic()
    threads = [threading.Thread(target=Device(lock).occupy, args=(0.05,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monotonic() - began >= 0.15


def test_the_networks_share_a_device_and_every_model_is_there(tmp_path: Path) -> None:
    repositories = write_clock_repositories(tmp_path, StageClocks(SOON, SOON, SOON, SOON))
    devices = {}
    for name, spec in MODELS.items():
        ensemble = spec.backend == "ensemble"
        folder = (repositories.ensembles if ensemble else repositories.models) / name
        assert (folder / "config.pbtxt").is_file()
        if (folder / "1" / CLOCK_FILE).exists():
            _, devices[name] = read_clock(folder / "1" / CLOCK_FILE)
    on_device = {name for name, device in devices.items() if device is not None}
    assert on_device == {"identitynet", "unet", "vae_decoder"}
    assert devices["unet"] == devices["identitynet"]
    assert devices["credentials"] is None
