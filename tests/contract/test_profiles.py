"""The rendered configs are those of the profiles, and a profile with a mistake is refused."""

import shutil
from pathlib import Path

import pytest

from instantid_server.settings import SettingsError
from scripts.profiles import Profile, ProfileError, read_profile, read_profiles
from scripts.render_profiles import drifted, render_all, render_into

ROOT = Path(__file__).parents[2]
BLS_CALLS_A_MODEL = 32  # at a time; the Python backend's default thread-pool-size
CPU_PROFILE = (ROOT / "ensemble_configs" / "cpu.toml").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of both repositories without their weights."""
    for repository in ("model_repository", "ensemble_configs"):
        shutil.copytree(ROOT / repository, tmp_path / repository, ignore=lambda _, names: {"1"})
    return tmp_path


def test_configs_are_what_their_profiles_render() -> None:
    assert drifted(ROOT) == []


def test_edited_config_is_named(checkout: Path) -> None:
    edited = checkout / "model_repository/unet/config.pbtxt"
    edited.write_text(edited.read_text().replace("max_batch_size: 16", "max_batch_size: 1"))
    assert drifted(checkout) == [Path("model_repository/unet/config.pbtxt")]


def test_missing_config_is_named(checkout: Path) -> None:
    (checkout / "ensemble_configs/denoise_step/configs/multi-gpu.pbtxt").unlink()
    assert drifted(checkout) == [Path("ensemble_configs/denoise_step/configs/multi-gpu.pbtxt")]


def test_config_of_no_profile_is_named(checkout: Path) -> None:
    (checkout / "model_repository/unet/configs/left-over.pbtxt").touch()
    assert drifted(checkout) == [Path("model_repository/unet/configs/left-over.pbtxt")]


def test_edited_profile_shows_in_its_configs(checkout: Path) -> None:
    profile = checkout / "ensemble_configs/cpu.toml"
    profile.write_text(CPU_PROFILE.replace("max_queue_size = 256", "max_queue_size = 1"))
    assert Path("model_repository/unet/config.pbtxt") in drifted(checkout)


@pytest.mark.parametrize("profile", read_profiles(ROOT), ids=lambda profile: profile.name)
def test_every_running_picture_can_have_a_call_under_way(profile: Profile) -> None:
    assert profile.admission.max_running_pictures < BLS_CALLS_A_MODEL


@pytest.mark.parametrize(
    ("text", "replacement", "message"),
    [
        pytest.param("[models.unet]", "[models.uent]", "unet is missing", id="missing-model"),
        pytest.param("[models.unet]", "[models.a]\n[models.unet]", "unknown name a", id="model"),
        pytest.param("max_batch_size = 16 #", "batch = 16 #", "unknown name batch", id="placement"),
        pytest.param("timeout_s", "timeout", "timeout_s is missing", id="queue"),
        pytest.param("max_waiting", "waiting", "max_waiting is missing", id="admission"),
        pytest.param("wire_dtype", "dtype", "wire_dtype is missing", id="page"),
    ],
)
def test_profile_that_does_not_fit_the_contract_is_refused(
    tmp_path: Path, text: str, replacement: str, message: str
) -> None:
    path = tmp_path / "cpu.toml"
    path.write_text(CPU_PROFILE.replace(text, replacement))
    with pytest.raises(ProfileError, match=message):
        read_profile(path)


def test_parameter_that_the_node_would_refuse_is_refused_when_rendering(checkout: Path) -> None:
    profile = checkout / "ensemble_configs/cpu.toml"
    profile.write_text(CPU_PROFILE.replace('dtype = "float32"', 'dtype = "float8"'))
    with pytest.raises(SettingsError, match="float8"):
        render_all(read_profiles(checkout))


def test_imported_repository_keeps_what_its_weights_ask_for(checkout: Path) -> None:
    imported = checkout / "model_repository"
    for name, old, new in (
        ("face_analysis", 'string_value: "192"', 'string_value: "640"'),
        ("face_detector", "max_batch_size: 8", "max_batch_size: 1"),
        ("unet", "max_batch_size: 16", "max_batch_size: 2"),  # not because of the weights
    ):
        config = imported / name / "config.pbtxt"
        config.write_text(config.read_text().replace(old, new))
    rendered = render_into(imported, read_profiles(ROOT))
    for file in ("config.pbtxt", "configs/single-gpu.pbtxt"):
        assert '"640"' in rendered[Path("face_analysis", file)]
        assert "max_batch_size: 1\n" in rendered[Path("face_detector", file)]
        assert "max_batch_size: 16\n" in rendered[Path("unet", file)]
    assert not any(path.parts[0] == "denoise_step" for path in rendered)
