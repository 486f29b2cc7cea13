"""The memory plan counts what lies on each device."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from instantid_server.importing.memory import MAIN_MEMORY, MemoryPlan, plan, plan_lines
from instantid_server.importing.profile import read_profile, read_profiles

ROOT = Path(__file__).parents[3]
GIB = 1024**3

PROFILE = """
cuda_pool_mib = 512

[models.face_detector]
gpus = [1]
max_batch_size = 1

[models.face_embedder]
gpus = [1]
max_batch_size = 1

[models.unet]
gpus = [0, 1]
count = 2
max_batch_size = {rows}
parameters = {{ dtype = "{dtype}" }}

[models.vae_decoder]
max_batch_size = 1
parameters = {{ dtype = "float32" }}

[models.instantid]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository of networks with 1,000 numbers each, in half precision."""
    for model in ("unet", "vae_decoder"):
        folder = tmp_path / model / "1"
        folder.mkdir(parents=True)
        save_file({"weight": np.zeros((10, 100), np.float16)}, folder / "x.safetensors")
    for model in ("face_detector", "face_embedder"):
        (tmp_path / model / "1").mkdir(parents=True)
        (tmp_path / model / "1" / "model.onnx").write_bytes(bytes(4000))
    (tmp_path / "instantid" / "1").mkdir(parents=True)
    sizes = {"native_height": 1024, "native_width": 1024}
    (tmp_path / "instantid" / "1" / "pipeline.json").write_text(json.dumps(sizes))
    return tmp_path


def planned(repository: Path, rows: int = 16, dtype: str = "float16") -> MemoryPlan:
    profile = repository / "mine.toml"
    profile.write_text(PROFILE.format(rows=rows, dtype=dtype))
    return plan(repository, read_profile(profile))


def test_weights_count_in_the_dtype_of_the_profile_on_each_device(repository: Path) -> None:
    half, full = planned(repository), planned(repository, dtype="float32")
    assert [(device.device, device.weights) for device in half.devices] == [
        ("GPU 0", 2 * 2000),
        ("GPU 1", 2 * 2000 + 2 * 4000),
        (MAIN_MEMORY, 4000),
    ]
    assert full.devices[0].weights == 2 * half.devices[0].weights


def test_triton_is_on_every_gpu_and_graphs_share_its_process(repository: Path) -> None:
    first, second, _ = planned(repository).devices
    assert first.processes == second.processes  # Triton's, and the UNet's two


def test_pool_of_triton_is_counted_on_every_gpu(repository: Path) -> None:
    first, second, main = planned(repository).devices
    assert (first.pool, second.pool, main.pool) == (512 * 1024**2, 512 * 1024**2, 0)
    assert first.total == first.weights + first.processes + first.pool + first.activations
    assert first.total_of_one - first.activations_of_one == first.total - first.activations


def test_gpu_of_a_loop_alone_is_planned_for(repository: Path) -> None:
    profile = repository / "loop.toml"
    profile.write_text("cuda_pool_mib = 512\n[models.instantid]\ngpus = [2]\n")
    (gpu,) = plan(repository, read_profile(profile)).gpus
    triton_and_loop = 2 * planned(repository).devices[0].processes // 3
    assert (gpu.device, gpu.weights, gpu.processes) == ("GPU 2", 0, triton_and_loop)


@pytest.mark.parametrize(
    ("profile", "pool_mib", "python_stages"),
    [
        # text_encoder, id_resampler, identitynet, unet, both halves of the VAE, and safety
        ("single-gpu", 2048, {"GPU 0": 7}),
        ("multi-gpu", 4096, {"GPU 0": 1, "GPU 1": 1, "GPU 2": 1, "GPU 3": 5}),
    ],
)
def test_profiles_of_the_checkout_count_what_triton_takes(
    repository: Path, profile: str, pool_mib: int, python_stages: dict[str, int]
) -> None:
    gpus = plan(repository, read_profile(ROOT / f"ensemble_configs/{profile}.toml")).gpus
    process = planned(repository).devices[0].processes // 3
    assert {gpu.device: gpu.processes for gpu in gpus} == {
        device: (1 + count) * process for device, count in python_stages.items()
    }
    assert {gpu.pool for gpu in gpus} == {pool_mib * 1024**2}
    assert all("Triton's pool" in gpu.line() for gpu in gpus)


def test_activations_grow_with_the_batch_and_the_picture(repository: Path) -> None:
    eight, sixteen = planned(repository, rows=8), planned(repository)
    assert sixteen.devices[0].activations == 2 * eight.devices[0].activations
    sizes = {"native_height": 512, "native_width": 512}
    (repository / "instantid" / "1" / "pipeline.json").write_text(json.dumps(sizes))
    assert planned(repository).devices[0].activations == sixteen.devices[0].activations // 4


@pytest.mark.parametrize(
    ("spare_gib", "spare_of_one_gib", "verdict"),
    [
        pytest.param(0.1, None, "fits cards of", id="full-batches"),
        pytest.param(None, 0.1, "with smaller batches", id="one-picture"),
        pytest.param(None, -0.1, "does not fit", id="not-at-all"),
    ],
)
def test_a_profile_fits_where_its_fullest_card_does(
    repository: Path, spare_gib: float | None, spare_of_one_gib: float | None, verdict: str
) -> None:
    gpus = planned(repository).gpus
    if spare_gib is not None:
        card = max(gpu.total for gpu in gpus) / GIB + spare_gib
    else:
        assert spare_of_one_gib is not None
        card = max(gpu.total_of_one for gpu in gpus) / GIB + spare_of_one_gib
    assert verdict in planned(repository).verdict(card)


@pytest.mark.parametrize("card", [8.0, 80.0])
def test_the_profiles_of_the_checkout_are_told(repository: Path, card: float) -> None:
    profiles = read_profiles(ROOT / "ensemble_configs")
    lines = "\n".join(plan_lines(repository, profiles, card))
    assert "an estimate" in lines
    for name in ("cpu: main memory", "single-gpu: GPU 0", "multi-gpu: GPU 0"):
        assert name in lines
    assert lines.count(f"cards of {card:g} GiB") == 2  # a card says nothing of the CPU
