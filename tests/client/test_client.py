"""Both clients do the same: they send options, read answers and give up what is abandoned."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import pytest

from instantid_client import (
    AsyncClient,
    Client,
    Event,
    FaceNotFound,
    Generation,
    InvalidInput,
    Preview,
    Progress,
    ServerStatus,
    UnexpectedAnswer,
)
from instantid_server.contract import MODELS
from tests.client.answers import preview, progress, result
from tests.client.fake_transport import FakeAsyncTransport, FakeTransport, Script

STREAM = (progress(1), preview(2), result())
FACE = {"face_image": b"photo"}


class Blocking:
    """What a program with `Client` does."""

    def __init__(self, script: Script) -> None:
        self._client = Client(transport=FakeTransport(script), timeout_s=9.0)

    def generate(self, **options: Any) -> Generation:
        with self._client as client:
            return client.generate(**options)

    def events(self, num_wanted: int, **options: Any) -> list[Event]:
        """Return the first events of a stream, and leave it then."""
        events: list[Event] = []
        for event in self._client.stream(**options):
            events.append(event)
            if len(events) == num_wanted:
                break
        return events

    def status(self) -> ServerStatus:
        return self._client.status()


class Asyncio:
    """What a program with `AsyncClient` does."""

    def __init__(self, script: Script) -> None:
        self._client = AsyncClient(transport=FakeAsyncTransport(script), timeout_s=9.0)

    def generate(self, **options: Any) -> Generation:
        async def generate() -> Generation:
            async with self._client as client:
                return await client.generate(**options)

        return asyncio.run(generate())

    def events(self, num_wanted: int, **options: Any) -> list[Event]:
        async def collect() -> list[Event]:
            events: list[Event] = []
            async with aclosing(self._client.stream(**options)) as stream:
                async for event in stream:
                    events.append(event)
                    if len(events) == num_wanted:
                        break
            return events

        return asyncio.run(collect())

    def status(self) -> ServerStatus:
        return asyncio.run(self._client.status())


Program: TypeAlias = Callable[[Script], Blocking | Asyncio]


@pytest.fixture(params=[Blocking, Asyncio])
def program(request: pytest.FixtureRequest) -> Program:
    kind: Program = request.param
    return kind


def test_options_that_are_set_are_sent(program: Program) -> None:
    script = Script([result()])
    program(script).generate(prompt="p", seed=0, **FACE)
    ((model, inputs, timeout_s),) = script.requests
    assert (model, sorted(inputs), timeout_s) == ("instantid", ["face_image", "prompt", "seed"], 9)


def test_generation_has_the_pictures(program: Program) -> None:
    generation = program(Script([result(3)])).generate(prompt="p", **FACE)
    assert [picture.seed for picture in generation.pictures] == [7, 8, 9]


def test_leaving_the_client_closes_its_transport(program: Program) -> None:
    script = Script([result()])
    program(script).generate(prompt="p", **FACE)
    assert script.num_closed == 1


def test_error_of_the_server_is_raised(program: Program) -> None:
    with pytest.raises(FaceNotFound, match="no face"):
        program(Script([FaceNotFound("no face")])).generate(prompt="p", **FACE)


def test_stream_ends_with_the_pictures(program: Program) -> None:
    script = Script(STREAM)
    events = program(script).events(9, prompt="p", preview_every=2, **FACE)
    assert [type(event) for event in events] == [Progress, Preview, Generation]
    assert (script.requests[0][0], script.num_cancelled) == ("instantid_stream", 0)


def test_stream_that_is_left_is_cancelled(program: Program) -> None:
    script = Script(STREAM)
    assert program(script).events(1, prompt="p", **FACE) == [Progress(1, 4)]
    assert script.num_cancelled == 1


def test_error_in_mid_stream_is_raised(program: Program) -> None:
    with pytest.raises(FaceNotFound, match="no face"):
        program(Script([progress(1), FaceNotFound("no face")])).events(9, prompt="p", **FACE)


def test_stream_without_pictures_is_an_error(program: Program) -> None:
    with pytest.raises(UnexpectedAnswer, match="before the pictures came"):
        program(Script([progress(1)])).events(9, prompt="p", **FACE)


def test_option_that_cannot_be_sent_is_refused_before_anything_is(program: Program) -> None:
    script = Script([result()])
    with pytest.raises(InvalidInput, match="width"):
        program(script).generate(prompt="p", width="wide", **FACE)
    with pytest.raises(InvalidInput, match="width"):
        program(script).events(9, prompt="p", width="wide", **FACE)
    assert script.requests == []


def test_unknown_option_is_refused_as_python_does(program: Program) -> None:
    with pytest.raises(TypeError, match="promt"):
        program(Script()).generate(promt="p")


def test_status_asks_for_every_model(program: Program) -> None:
    status = program(Script(unready=frozenset({"unet"}))).status()
    assert (status.version, status.ready, list(status.models)) == ("2.51.0", True, list(MODELS))
    assert [name for name, ready in status.models.items() if not ready] == ["unet"]
