"""Over HTTP: no streams, and a typed error for every way a connection goes wrong."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def server_that_says(answer: bytes | None) -> Iterator[str]:
    """Yield the address of a server with one answer to everything; None: it never answers."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 20)
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
        pytest.param(None, DeadlineExceeded, id="silent"),
    ],
)
def test_error_is_typed_for_both_clients(
    ask: Callable[[str], None], answer: bytes | None, expected: type[InstantIDError]
) -> None:
    with server_that_says(answer) as url, pytest.raises(expected):
        ask(url)


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
