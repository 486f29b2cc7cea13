"""How a server starts, refuses to start, and ends, whatever ends it."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
import tritonclient.http
from tritonclient.utils import InferenceServerException

from instantid_server.serving.remains import SHM, find_processes
from instantid_server.serving.stubs import find_stubs
from tests.e2e.light_repository import write_light_repositories
from tests.e2e.server import Ports, RunningServer, start_entry

pytestmark = [pytest.mark.triton, pytest.mark.timeout(120)]

Start = Callable[..., RunningServer]


@pytest.fixture
def light(tmp_path: Path) -> tuple[Path, Path]:
    return write_light_repositories(tmp_path)


@pytest.fixture
def start(tmp_path: Path, light: tuple[Path, Path]) -> Iterator[Start]:
    """Start an entry process on the light repositories; it is ended with the test."""
    started: list[RunningServer] = []

    def begin(**options: Any) -> RunningServer:
        repositories = {"models": light[0], "ensembles": light[1]}
        started.append(start_entry(tmp_path, **(repositories | options)))
        return started[-1]

    yield begin
    for server in started:
        server.stop()


def lease_name(server: RunningServer) -> str:
    return f"instantid-{server.process.pid}-"


def assert_nothing_is_left(server: RunningServer) -> None:
    name = lease_name(server)
    assert find_processes(name) == []
    assert [path for path in SHM.iterdir() if name in path.name] == []
    for port in astuple(server.ports):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))


def wait_until_nothing_runs(server: RunningServer) -> None:
    deadline = time.monotonic() + 20
    name = lease_name(server)
    while find_processes(name) or any(name in path.name for path in SHM.iterdir()):
        assert time.monotonic() < deadline, "the leash has not acted"
        time.sleep(0.05)


def test_says_ready_in_one_line_when_every_model_is(start: Start) -> None:
    server = start()
    ports = server.ports
    expected = (
        f"ready: http 127.0.0.1:{ports.http}, grpc 127.0.0.1:{ports.grpc}, "
        rf"metrics 127.0.0.1:{ports.metrics}, control 127.0.0.1:{ports.control} \(\d+\.\d s\)"
    )
    assert re.fullmatch(expected, server.ready_line())
    with tritonclient.http.InferenceServerClient(server.http_url) as client:
        assert client.is_server_ready()
        assert client.is_model_ready("denoise_step")
    server.stop()
    assert server.lines.get(timeout=5) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly_with_nothing_left(start: Start, number: signal.Signals) -> None:
    server = start()
    server.ready_line()
    assert find_stubs(lease_name(server))
    assert server.stop(number) == 0
    assert server.complaint() == ""
    assert_nothing_is_left(server)


def test_signal_while_models_load_ends_it_cleanly(start: Start) -> None:
    server = start()
    while not find_stubs(lease_name(server)):
        assert server.process.poll() is None
    assert server.stop() == 0
    assert_nothing_is_left(server)


def test_killed_entry_process_takes_everything_with_it(start: Start) -> None:
    server = start()
    server.ready_line()
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until_nothing_runs(server)
    assert_nothing_is_left(server)


def test_managing_models_needs_the_key_of_the_entry_process(start: Start) -> None:
    server = start()
    server.ready_line()
    with (
        tritonclient.http.InferenceServerClient(server.http_url) as client,
        pytest.raises(InferenceServerException),
    ):
        client.unload_model("unet")


def test_taken_port_is_named_with_its_option(start: Start) -> None:
    ports = Ports.free()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", ports.grpc))
        holder.listen()
        server = start(ports=ports)
        assert server.process.wait(20) == 1
    assert f"grpc_port: cannot listen on 127.0.0.1:{ports.grpc}" in server.complaint()


def test_same_port_twice_is_refused(start: Start) -> None:
    ports = Ports.free()
    server = start(ports=replace(ports, grpc=ports.http))
    assert server.process.wait(20) == 1
    assert f"http_port: {ports.http} is given twice" in server.complaint()


def test_numpy_2_in_the_environment_is_refused(start: Start, tmp_path: Path) -> None:
    metadata = tmp_path / "newer" / "numpy-2.2.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 2.2.0\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "newer")}
    server = start(environment=environment)
    assert server.process.wait(20) == 1
    assert "needs numpy 1, this environment has 2.2.0" in server.complaint()


def test_missing_repository_is_named(start: Start, tmp_path: Path) -> None:
    server = start(models=tmp_path / "nowhere")
    assert server.process.wait(20) == 1
    assert f"model_repository: {tmp_path / 'nowhere'} is no folder" in server.complaint()


def test_broken_config_is_reported_with_its_model(start: Start, light: tuple[Path, Path]) -> None:
    config = light[0] / "unet/config.pbtxt"
    config.write_text(config.read_text() + "\nno_such_field: 1\n")
    server = start()
    assert server.process.wait(60) == 1
    assert "[MODEL_FAILED] unet: config.pbtxt, line" in server.complaint()
    assert "no_such_field" in server.complaint()
    assert_nothing_is_left(server)


def test_node_that_fails_to_load_is_reported(start: Start, light: tuple[Path, Path]) -> None:
    (light[0] / "unet/1/model.py").write_text("raise ValueError('the weights are gone')\n")
    server = start()
    assert server.process.wait(60) == 1
    assert "[MODEL_FAILED] unet: ValueError: the weights are gone" in server.complaint()


def test_path_with_a_space_serves(start: Start, tmp_path: Path) -> None:
    spaced = tmp_path / "my models; echo"
    models, ensembles = write_light_repositories(spaced)
    start(models=models, ensembles=ensembles).ready_line()
