"""Profiles are read before anything is fetched, and what cannot be planned for is refused."""

from pathlib import Path

import pytest

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.profile import read_profile, read_profiles
from tests.unit.importing.sources import ROOT


def test_profiles_of_the_checkout_are_read() -> None:
    cpu, multi, single = read_profiles(ROOT / "ensemble_configs")
    assert (cpu.name, multi.name, single.name) == ("cpu", "multi-gpu", "single-gpu")
    assert cpu.cuda_pools_mib == {}
    assert multi.cuda_pools_mib.keys() == {0, 1, 2, 3}


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_folder_without_profiles_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportFailed, match=f"{folder}: holds no profile; --ensemble-repository"):
        read_profiles(tmp_path / folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("[models", "mine.toml", id="no-toml"),
        pytest.param("[models.unet]\ngpus = [0]\n", "cuda_pool_mib", id="no-pool"),
        pytest.param(
            '[models.unet]\nparameters = { dtype = "half" }\n', "got 'half'", id="unknown-dtype"
        ),
    ],
)
def test_profile_that_cannot_be_planned_for_is_refused(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "mine.toml").write_text(content)
    with pytest.raises(ImportFailed, match=f"--ensemble-repository: .*{reason}"):
        read_profile(tmp_path / "mine.toml")
