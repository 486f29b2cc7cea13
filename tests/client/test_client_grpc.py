"""Over a real gRPC connection: answers, errors, deadlines and cancellation arrive."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from instantid_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    FaceNotFound,
    Generation,
    InstantIDError,
    InvalidInput,
    Progress,
    StageFailed,
    UnexpectedAnswer,
)
from instantid_client._endpoint import parse_endpoint
from instantid_client._transport import open_async_transport, open_transport
from tests.client.triton_stub import WAIT_S, TritonStub


def test_request_and_answer_cross_the_wire(stub: tuple[TritonStub, str]) -> None:
    with Client(stub[1]) as client:
        (picture,) = client.generate(prompt="p", face_embedding=[1.0] * 512, seed=-1).pictures
    assert picture.image.size == (24, 16)
    sent = {tensor.name: (tensor.datatype, list(tensor.shape)) for tensor in stub[0].request.inputs}
    assert sent == {
        "prompt": ("BYTES", [1]),
        "face_embedding": ("FP32", [512]),
        "seed": ("INT64", [1]),
    }


@pytest.mark.parametrize("streams", [False, True])
def test_call_options_cross_the_wire(stub: tuple[TritonStub, str], streams: bool) -> None:
    options = {"tenant": "a", "priority_class": "low", "traceparent": "00-1-2-01"}
    request: dict[str, Any] = {"prompt": "p", "request_id": "r1", **options}
    with Client(stub[1], timeout_s=9.0) as client:
        list(client.stream(**request)) if streams else client.generate(**request)
    parameters = stub[0].request.parameters
    assert stub[0].request.id == "r1"
    assert {name: parameters[name].string_param for name in options} == options
    assert 8_000_000 < parameters["timeout"].int64_param <= 9_000_000


def test_stream_crosses_the_wire(stub: tuple[TritonStub, str]) -> None:
    with Client(stub[1]) as client:
        events = list(client.stream(prompt="p"))
    assert [type(event) for event in events] == [Progress, Generation]


def ask_blocking(url: str, prompt: str, timeout_s: float, streams: bool) -> None:
    with Client(url, timeout_s=timeout_s) as client:
        list(client.stream(prompt=prompt)) if streams else client.generate(prompt=prompt)


def ask_asyncio(url: str, prompt: str, timeout_s: float, streams: bool) -> None:
    async def ask() -> None:
        async with AsyncClient(url, timeout_s=timeout_s) as client:
            if not streams:
                await client.generate(prompt=prompt)
            async for _ in client.stream(prompt=prompt):
                pass

    asyncio.run(ask())


@pytest.mark.parametrize("ask", [ask_blocking, ask_asyncio])
@pytest.mark.parametrize(
    ("prompt", "timeout_s", "streams", "expected"),
    [
        pytest.param("faceless", 9.0, False, FaceNotFound, id="coded"),
        pytest.param("faceless", 9.0, True, FaceNotFound, id="coded-in-mid-stream"),
        pytest.param("malformed", 9.0, True, InvalidInput, id="refused-before-the-model"),
        pytest.param("silent", 9.0, True, UnexpectedAnswer, id="stream-without-end"),
        pytest.param("endless", 0.2, False, DeadlineExceeded, id="late"),
        pytest.param("endless", 0.2, True, DeadlineExceeded, id="late-in-mid-stream"),
    ],
)
def test_error_is_typed_for_both_clients(
    stub: tuple[TritonStub, str],
    ask: Callable[[str, str, float, bool], None],
    prompt: str,
    timeout_s: float,
    streams: bool,
    expected: type[InstantIDError],
) -> None:
    with pytest.raises(expected):
        ask(stub[1], prompt, timeout_s, streams)


def test_stream_that_is_left_stops_the_server(stub: tuple[TritonStub, str]) -> None:
    with Client(stub[1]) as client:
        for _ in client.stream(prompt="endless"):
            break
        assert stub[0].ended.wait(WAIT_S)


def test_task_that_is_cancelled_stops_the_server(stub: tuple[TritonStub, str]) -> None:
    async def give_up() -> None:
        async with AsyncClient(stub[1]) as client:
            task = asyncio.ensure_future(client.generate(prompt="endless"))
            assert await asyncio.to_thread(stub[0].received.wait, WAIT_S)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(give_up())
    assert stub[0].ended.wait(WAIT_S)


def test_model_that_is_away_is_not_ready(stub: tuple[TritonStub, str]) -> None:
    async def ask(model: str | None) -> bool:
        transport = open_async_transport(parse_endpoint(stub[1]))
        try:
            return await transport.is_ready(model, timeout_s=9.0)
        finally:
            await transport.close()

    transport = open_transport(parse_endpoint(stub[1]))
    for model, ready in (("unet", True), (None, True), ("gone", False)):
        assert transport.is_ready(model, timeout_s=9.0) is ready
        assert asyncio.run(ask(model)) is ready
    with pytest.raises(StageFailed):
        transport.is_ready("broken", timeout_s=9.0)
    transport.close()
