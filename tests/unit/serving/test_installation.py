"""Which Triton is started: that of NVIDIA's container, or the wheel's."""

from pathlib import Path

import pytest

from instantid_server.serving.command import EMBEDDED_VERSION, TritonVersion
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.installation import Installation, container_version
from instantid_server.serving.preflight import find_installation
from instantid_server.serving.scratch import lay_out

ANY_HOST = "0.0.0.0"  # what a container listens on


def write_container(folder: Path, version: str) -> Path:
    (folder / "TRITON_VERSION").write_text(f"{version}\n")
    return folder


def test_version_is_the_one_in_the_image(tmp_path: Path) -> None:
    assert container_version(write_container(tmp_path, "2.71.0")) == TritonVersion(2, 71)
    assert container_version(write_container(tmp_path, "2.100.0dev")) == TritonVersion(2, 100)


def test_container_serves_with_its_own_triton_to_anybody(tmp_path: Path) -> None:
    found = find_installation(write_container(tmp_path, "2.71.0"), ANY_HOST)
    assert found == Installation(tmp_path / "bin/tritonserver", TritonVersion(2, 71))


def test_container_without_the_security_fixes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ServingFailure, match=r"expected Triton 2\.71 or newer.*has 2\.59"
    ) as caught:
        find_installation(write_container(tmp_path, "2.59.1"), ANY_HOST)
    assert caught.value.code is FailureCode.TRITON


@pytest.mark.triton
def test_wheel_serves_this_machine_alone(tmp_path: Path) -> None:
    assert find_installation(tmp_path, "127.0.0.1").version == EMBEDDED_VERSION
    with pytest.raises(ServingFailure) as caught:
        find_installation(tmp_path, ANY_HOST)
    assert caught.value.code is FailureCode.HOST


def test_complete_installation_is_given_the_repositories_alone(tmp_path: Path) -> None:
    scratch = lay_out(tmp_path, None, (Path("/my models"),))
    assert (scratch.backends, scratch.libraries) == (None, ())
    assert [path.readlink() for path in scratch.repositories] == [Path("/my models")]
    assert " " not in str(scratch.repositories[0])
