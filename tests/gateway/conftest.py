"""What stands behind the gateway in these tests: a fake of Triton's ports, and a real doorman."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.free_ports import free_ports
from tests.gateway.fake_triton_ports import FakePorts, fake_triton_ports

ROOT = Path(__file__).parents[2]
ENDS_WITHIN_S = 20.0


@pytest.fixture(scope="session")
def behind() -> Iterator[FakePorts]:
    """Ports that answer with what reached them."""
    with fake_triton_ports() as ports:
        yield ports


@pytest.fixture(scope="session")
def doorman_port(behind: FakePorts) -> Iterator[int]:
    """A doorman's port, in front of the fake's."""
    (port,) = free_ports(1)
    addresses = ["--listen", f"127.0.0.1:{port}", "--triton", f"127.0.0.1:{behind.grpc}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "instantid_server.doorman", *addresses],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        assert stdout.readline().startswith("ready: ")
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0
