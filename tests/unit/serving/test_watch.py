"""Which model a process serves, and that its death is seen."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from instantid_server.serving.lease import Lease, release, take_lease
from instantid_server.serving.stubs import find_stubs, stub_model
from instantid_server.serving.watch import StubWatch

STUB = "/scratch/backends/python/triton_python_backend_stub"
SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"


def arguments(instance: str, stub: str = STUB) -> list[str]:
    """Return a stub's command line as Triton 2.51 writes it."""
    code = "/scratch/repositories/0/model/1/model.py"
    return [stub, code, "name-1", "1", "1", "7", "/scratch", "336", instance, "DEFAULT", ""]


@pytest.mark.parametrize(
    ("instance", "model"),
    [
        ("unet_0", "unet"),
        ("unet_0_1", "unet"),
        ("instantid_stream_0", "instantid_stream"),
        ("instantid_0", "instantid"),
        ("face_detector_0", "face_detector"),
        ("stranger_0", None),
    ],
)
def test_instance_names_the_model(instance: str, model: str | None) -> None:
    assert stub_model(arguments(instance)) == model


def test_other_processes_are_no_stubs() -> None:
    assert stub_model(arguments("unet_0", stub="/usr/bin/tritonserver")) is None
    assert stub_model([""]) is None


@pytest.fixture
def lease() -> Iterator[Lease]:
    taken = take_lease()
    yield taken
    release(taken)


@pytest.fixture
def stub(lease: Lease) -> Iterator[subprocess.Popen[str]]:
    """A process with the command line of the UNet's stub."""
    line = ["-c", SLEEPER, *arguments("unet_0")[3:-1]]
    line[4] = f"/tmp/{lease.name}"
    process = subprocess.Popen(
        [STUB, *line],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()


def test_stubs_are_found_with_their_models(lease: Lease, stub: subprocess.Popen[str]) -> None:
    assert find_stubs(lease.name) == {stub.pid: "unet"}


def test_zombie_counts_as_dead(lease: Lease, stub: subprocess.Popen[str]) -> None:
    watch = StubWatch(lease.name)
    watch.begin()
    assert watch.dead_models() == set()
    stub.kill()
    os.waitid(os.P_PID, stub.pid, os.WEXITED | os.WNOWAIT)  # ended, and not reaped
    assert watch.dead_models() == {"unet"}


def test_old_process_that_is_still_ending_is_not_watched(
    lease: Lease, stub: subprocess.Popen[str]
) -> None:
    watch = StubWatch(lease.name)
    watch.begin()
    watch.renew("unet")
    assert watch.dead_models() == {"unet"}  # for no new one has come


def test_model_that_has_no_process_after_its_reload_is_dead(lease: Lease) -> None:
    watch = StubWatch(lease.name)
    watch.begin()
    watch.renew("unet")
    assert watch.dead_models() == {"unet"}
