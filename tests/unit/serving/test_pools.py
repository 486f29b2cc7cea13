"""Triton's own memory on GPUs, read from a profile's page."""

from pathlib import Path

import pytest

from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.limits import read_limits
from instantid_server.serving.pools import read_cuda_pools

CONFIGS = Path(__file__).parents[3] / "ensemble_configs"
ROWS_A_PICTURE = 2  # with guidance
RESIDUALS_MIB = 51.25  # of one row at 1024 x 1024, in FP16 (26,869,760 values)


def test_every_gpu_of_the_page_has_a_pool(tmp_path: Path) -> None:
    page = "cuda_pool_mib = 7\n[models.a]\ngpus = [1, 0]\n[models.b]\ngpus = [1]\n[models.c]\n"
    (tmp_path / "two.toml").write_text(page)
    assert read_cuda_pools(tmp_path, "two") == {0: 7, 1: 7}


def test_page_without_gpus_has_no_pools() -> None:
    assert read_cuda_pools(CONFIGS, None) == {}


@pytest.mark.parametrize("value", ["", "cuda_pool_mib = 0", "cuda_pool_mib = '2 GiB'"])
def test_page_with_gpus_and_without_a_size_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "gpu.toml").write_text(f"{value}\n[models.unet]\ngpus = [0]\n")
    with pytest.raises(ServingFailure, match="cuda_pool_mib: expected a whole number of MiB"):
        read_cuda_pools(tmp_path, "gpu")


@pytest.mark.parametrize("profile", ["single-gpu", "multi-gpu"])
def test_pool_holds_the_residuals_of_two_full_batches(profile: str) -> None:
    pictures = read_limits(CONFIGS, profile).max_running_pictures
    needed_mib = 2 * pictures * ROWS_A_PICTURE * RESIDUALS_MIB
    assert min(read_cuda_pools(CONFIGS, profile).values()) > needed_mib
