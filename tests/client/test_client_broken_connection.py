"""A server that ends in mid-request: the caller gets a typed error, over each way there is."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from instantid_client import AsyncClient, Client, ConnectionFailed
from tests.client.triton_stub import WAIT_S

ROOT = Path(__file__).parents[2]
SERVER = """
from tests.client.triton_stub import running_stub
with running_stub() as (stub, url):
    print(url, flush=True)
    stub.received.wait()
    print("received", flush=True)
    stub.ended.wait()
"""


@contextlib.contextmanager
def server() -> Iterator[subprocess.Popen[str]]:
    """Yield a server's process, which prints its address and then that a request is there."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def generate(url: str) -> None:
    with Client(url) as client:
        client.generate(prompt="endless")


def stream(url: str) -> None:
    with Client(url) as client:
        list(client.stream(prompt="endless"))


def generate_async(url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url) as client:
            await client.generate(prompt="endless")

    asyncio.run(ask())


def stream_async(url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url) as client:
            async for _ in client.stream(prompt="endless"):
                pass

    asyncio.run(ask())


@pytest.mark.parametrize("ask", [generate, stream, generate_async, stream_async])
def test_killed_server_is_a_failed_connection(ask: Callable[[str], None]) -> None:
    with server() as process, ThreadPoolExecutor() as threads:
        asked = threads.submit(ask, line_of(process))
        assert line_of(process) == "received"
        process.kill()
        assert isinstance(asked.exception(WAIT_S), ConnectionFailed)
