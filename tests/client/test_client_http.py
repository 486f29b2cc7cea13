"""Over HTTP: no streams, and a typed error for every way a connection goes wrong."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from instantid_client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    FaceNotFound,
    InstantIDError,
    StreamingNeedsGrpc,
    UnexpectedAnswer,
)

REFUSAL = b'{"error":"[FACE_NOT_FOUND] no face"}'


def http_answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def body_of(connection: socket.socket) -> bytes:
    """Return the body of the request that comes."""
    head, _, body = connection.recv(1 << 20).partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    assert length
    while len(body) < int(length[1]):
        body += connection.recv(1 << 20)
    return body


@contextmanager
def server_that_says(answer: bytes | None, heard: list[bytes] | None = None) -> Iterator[str]:
    """Yield the address of a server with one answer to everything; None: it never answers."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            body = body_of(connection)
            if heard is not None:
                heard.append(body)
            if answer is None:
                over.wait()
            else:
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join()


def ask_blocking(url: str) -> None:
    with Client(url, timeout_s=0.3) as client:
        client.generate(prompt="p")


def ask_asyncio(url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url, timeout_s=0.3) as client:
            await client.generate(prompt="p")

    asyncio.run(ask())


@pytest.mark.parametrize("ask", [ask_blocking, ask_asyncio])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(http_answer("400 Bad Request", REFUSAL), FaceNotFound, id="coded"),
        pytest.param(http_answer("502 Bad Gateway", b"<html>"), ConnectionFailed, id="proxy"),
        pytest.param(http_answer("200 OK", b"<html>"), UnexpectedAnswer, id="web-page"),
        pytest.param(b"\x00\x00\x12\x04\x00\x00", UnexpectedAnswer, id="grpc-port"),
        pytest.param(b"", ConnectionFailed, id="hung-up"),
        pytest.param(
            http_answer("200 OK", b'{"outputs": []}')[:-3], ConnectionFailed, id="cut-in-mid-answer"
        ),
        pytest.param(None, DeadlineExceeded, id="silent"),
    ],
)
def test_error_is_typed_for_both_clients(
    ask: Callable[[str], None], answer: bytes | None, expected: type[InstantIDError]
) -> None:
    with server_that_says(answer) as url, pytest.raises(expected):
        ask(url)


OPTIONS: dict[str, Any] = {"tenant": "a", "priority_class": "low", "traceparent": "00-1-2-01"}


def name_blocking(url: str) -> None:
    with Client(url, timeout_s=9.0) as client:
        client.generate(prompt="p", request_id="r1", **OPTIONS)


def name_asyncio(url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url, timeout_s=9.0) as client:
            await client.generate(prompt="p", request_id="r1", **OPTIONS)

    asyncio.run(ask())


@pytest.mark.parametrize("ask", [name_blocking, name_asyncio])
def test_call_options_cross_the_wire(ask: Callable[[str], None]) -> None:
    heard: list[bytes] = []
    refusal = http_answer("400 Bad Request", REFUSAL)
    with server_that_says(refusal, heard) as url, pytest.raises(FaceNotFound):
        ask(url)
    request, _ = json.JSONDecoder().raw_decode(heard[0].decode(errors="replace"))
    timeout_us = request["parameters"].pop("timeout")
    assert request["id"] == "r1"
    assert request["parameters"] == {**OPTIONS, "binary_data_output": True}
    assert 8_000_000 < timeout_us <= 9_000_000


@pytest.mark.parametrize("ask", [ask_blocking, ask_asyncio])
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_refused_connection_is_typed(ask: Callable[[str], None], scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but it does not listen
        with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
            ask(f"{scheme}://127.0.0.1:{unused.getsockname()[1]}")


def test_stream_over_http_is_refused_at_once() -> None:
    with pytest.raises(StreamingNeedsGrpc):
        Client("http://127.0.0.1:1").stream(prompt="p")
    with pytest.raises(StreamingNeedsGrpc):
        AsyncClient("http://127.0.0.1:1").stream(prompt="p")
