"""Each check of the preflight refuses what it is for, and says how to mend it."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from instantid_server.contract import MODELS
from instantid_server.serving import preflight
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.libpython import SONAME


def refusal(check: Callable[[], object], code: FailureCode) -> str:
    with pytest.raises(ServingFailure) as caught:
        check()
    assert caught.value.code is code
    return str(caught.value)


@pytest.mark.parametrize(
    ("system", "machine", "libc", "named"),
    [
        pytest.param("darwin", "arm64", ("", ""), "arm64 darwin", id="mac"),
        pytest.param("linux", "aarch64", ("glibc", "2.39"), "aarch64 linux", id="arm"),
        pytest.param("linux", "x86_64", ("glibc", "2.31"), "glibc 2.31", id="old-glibc"),
        pytest.param("linux", "x86_64", ("", ""), "no glibc", id="musl"),
    ],
)
def test_platform_that_triton_is_not_built_for(
    system: str, machine: str, libc: tuple[str, str], named: str
) -> None:
    text = refusal(lambda: preflight.check_platform(system, machine, libc), FailureCode.PLATFORM)
    assert named in text
    assert "container" in text


def test_glibc_2_35_is_enough() -> None:
    preflight.check_platform("linux", "x86_64", ("glibc", "2.35"))


@pytest.mark.parametrize("version", [(3, 10), (3, 13)])
def test_python_without_a_tested_stub(version: tuple[int, int]) -> None:
    text = refusal(lambda: preflight.check_python(version), FailureCode.PYTHON)
    assert "Python 3.11 or 3.12" in text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "::1", "example.org", ""])
def test_host_that_others_can_reach_or_that_is_not_ipv4(host: str) -> None:
    assert "127.0.0.1" in refusal(lambda: preflight.check_host(host), FailureCode.HOST)


def test_missing_libpython_names_the_debian_package() -> None:
    text = refusal(lambda: preflight.check_libpython(None), FailureCode.LIBPYTHON)
    assert SONAME in text
    assert "apt-get install libpython3." in text


@pytest.mark.parametrize("version", ["2.0.0", "2.3.1", None])
def test_numpy_other_than_1(tmp_path: Path, version: str | None) -> None:
    if version is not None:
        install_metadata(tmp_path, "numpy", version)
    text = refusal(lambda: preflight.check_numpy([str(tmp_path)]), FailureCode.NUMPY)
    assert f"has {version or 'none'}" in text
    assert "pip install 'numpy<2'" in text


@pytest.mark.parametrize("version", ["0.6.0", None])
def test_wheel_other_than_the_one_we_know(tmp_path: Path, version: str | None) -> None:
    if version is not None:
        install_metadata(tmp_path, "nvidia-pytriton", version)
    text = refusal(lambda: preflight.check_wheel([str(tmp_path)]), FailureCode.TRITON)
    assert f"found {version or 'none'}" in text
    assert "pip install nvidia-pytriton==" in text


def test_little_space(tmp_path: Path) -> None:
    text = refusal(lambda: preflight.check_space(tmp_path, 10**9, "free some"), FailureCode.SPACE)
    assert text.startswith(f"[SPACE_LOW] {tmp_path}: 1000000000 MiB needed, ")
    assert text.endswith("; free some")


def test_temporary_folder_that_a_shell_would_take_apart() -> None:
    check = preflight.check_temporary_path
    assert "TMPDIR" in refusal(lambda: check(Path("/my files")), FailureCode.SPACE)
    check(Path("/tmp/a-b_c.d"))


def test_port_in_use_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ports = {"http_port": 0, "grpc_port": port}
        text = refusal(lambda: preflight.check_ports("127.0.0.1", ports), FailureCode.PORT)
    assert f"grpc_port: cannot listen on 127.0.0.1:{port}" in text


def test_number_that_is_no_port() -> None:
    text = refusal(
        lambda: preflight.check_ports("127.0.0.1", {"http_port": 70_000}), FailureCode.PORT
    )
    assert "http_port: cannot listen on 127.0.0.1:70000" in text


def test_repositories_with_every_model_pass(tmp_path: Path) -> None:
    models, ensembles = write_configs(tmp_path)
    preflight.check_repositories(models, ensembles)


def test_missing_model_is_named_with_its_repository(tmp_path: Path) -> None:
    models, ensembles = write_configs(tmp_path)
    (models / "unet/config.pbtxt").unlink()
    text = refusal(lambda: preflight.check_repositories(models, ensembles), FailureCode.REPOSITORY)
    assert f"model_repository: {models} lacks unet " in text


def test_ensembles_are_looked_for_in_their_own_repository(tmp_path: Path) -> None:
    models, _ = write_configs(tmp_path)
    text = refusal(lambda: preflight.check_repositories(models, models), FailureCode.REPOSITORY)
    assert f"ensemble_repository: {models} lacks denoise_step " in text


def test_profile_that_no_model_has(tmp_path: Path) -> None:
    (tmp_path / "unet/configs").mkdir(parents=True)
    (tmp_path / "unet/configs/single-gpu.pbtxt").touch()
    check = preflight.check_profile
    text = refusal(lambda: check("single_gpu", (tmp_path,)), FailureCode.REPOSITORY)
    assert "have single-gpu, got 'single_gpu'" in text
    check("single-gpu", (tmp_path,))
    check(None, (tmp_path,))


def test_log_file_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "nowhere/triton.log"
    assert "log_path" in refusal(lambda: preflight.check_log_path(path), FailureCode.SPACE)
    preflight.check_log_path(tmp_path / "triton.log")


def test_little_memory_is_a_warning() -> None:
    warning = preflight.memory_warning("MemTotal: 9 kB\nMemAvailable:    1048576 kB\n")
    assert warning is not None
    assert warning.startswith("1024 MiB of memory are free")
    assert preflight.memory_warning("MemAvailable:    16777216 kB\n") is None


def install_metadata(folder: Path, name: str, version: str) -> None:
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def write_configs(root: Path) -> tuple[Path, Path]:
    for spec in MODELS.values():
        folder = root / ("ensembles" if spec.backend == "ensemble" else "models") / spec.name
        folder.mkdir(parents=True)
        (folder / "config.pbtxt").touch()
    return root / "models", root / "ensembles"
