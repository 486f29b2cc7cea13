"""Both clients do the same: they send options, read answers and give up what is abandoned."""

import pytest

from instantid_client import (
    FaceNotFound,
    Generation,
    InvalidInput,
    Preview,
    Progress,
    UnexpectedAnswer,
)
from instantid_server.contract import MODELS
from tests.client.answers import preview, progress, result
from tests.client.fake_transport import Script
from tests.client.programs import Program

STREAM = (progress(1), preview(2), result())
FACE = {"face_image": b"photo"}


def test_options_that_are_set_are_sent(program: Program) -> None:
    script = Script([result()])
    program(script).generate(prompt="p", seed=0, **FACE)
    ((model, inputs, _),) = script.requests
    assert (model, sorted(inputs)) == ("instantid", ["face_image", "prompt", "seed"])


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


def test_who_leaves_with_the_pictures_has_cancelled_nothing(program: Program) -> None:
    script = Script(STREAM)
    events = program(script).events(len(STREAM), prompt="p", preview_every=2, **FACE)
    assert isinstance(events[-1], Generation)
    assert script.num_cancelled == 0


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
