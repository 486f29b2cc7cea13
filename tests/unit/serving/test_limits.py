"""The limits of admission, read from a profile's page."""

from pathlib import Path

import pytest

from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.limits import AdmissionLimits, read_limits

ROOT = Path(__file__).parents[3]


def test_limits_are_those_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "cpu.toml").write_text("[admission]\nmax_running_pictures = 3\nmax_waiting = 0\n")
    (tmp_path / "big.toml").write_text("[admission]\nmax_running_pictures = 9\nmax_waiting = 5\n")
    assert read_limits(tmp_path, None) == AdmissionLimits(3, 0)
    assert read_limits(tmp_path, "big") == AdmissionLimits(9, 5)


@pytest.mark.parametrize("profile", [None, "cpu", "single-gpu", "multi-gpu"])
def test_every_profile_of_the_project_has_limits(profile: str | None) -> None:
    assert read_limits(ROOT / "ensemble_configs", profile).max_running_pictures >= 1


def test_missing_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServingFailure, match=r"\[REPOSITORY_INCOMPLETE\] .*cpu\.toml is missing"):
        read_limits(tmp_path, None)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        pytest.param("wire_dtype = 'FP32'", "max_running_pictures is missing", id="no-table"),
        pytest.param(
            "[admission]\nmax_running_pictures = 1", "max_waiting is missing", id="one-missing"
        ),
        pytest.param(
            "[admission]\nmax_running_pictures = 1\nmax_waiting = 1\nfair = 1",
            "unknown name fair",
            id="unknown",
        ),
        pytest.param(
            "[admission]\nmax_running_pictures = 0\nmax_waiting = 1",
            "max_running_pictures: expected 1 or more, got 0",
            id="nobody-may-run",
        ),
        pytest.param(
            "[admission]\nmax_running_pictures = 1\nmax_waiting = -1",
            "max_waiting: expected 0 or more, got -1",
            id="negative",
        ),
        pytest.param(
            "[admission]\nmax_running_pictures = 'all'\nmax_waiting = 1",
            "max_running_pictures: expected a whole number, got 'all'",
            id="not-a-number",
        ),
        pytest.param("[admission", "cpu.toml: ", id="not-toml"),
    ],
)
def test_mistake_in_the_page_is_named(tmp_path: Path, page: str, message: str) -> None:
    (tmp_path / "cpu.toml").write_text(page)
    with pytest.raises(ServingFailure, match=message):
        read_limits(tmp_path, None)
