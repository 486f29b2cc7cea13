"""How a request ended, judged by what a caller may expect."""

import pytest
from tritonclient.utils import InferenceServerException

from instantid_client import (
    ConnectionFailed,
    DeadlineExceeded,
    InstantIDError,
    ModelNotReady,
    StageFailed,
    UnexpectedAnswer,
)
from scripts.steady.endings import IN_ORDER, Ending, ending_of
from scripts.steady.leaks import leaks


def received(error: InstantIDError, text: str) -> InstantIDError:
    """Return `error` as the client raises it for a `text` from the network."""
    error.__cause__ = InferenceServerException(text)
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            received(StageFailed("the stage unet failed"), "[STAGE_FAILED] the stage unet failed"),
            Ending.ERROR,
            id="the-server's-own",
        ),
        pytest.param(
            received(DeadlineExceeded("it passed"), "[DEADLINE_EXCEEDED] it passed"),
            Ending.ERROR,
            id="the-server's-deadline",
        ),
        pytest.param(ConnectionFailed("refused"), Ending.DISCONNECTED, id="no-server"),
        pytest.param(
            received(ModelNotReady("unknown model"), "Request for unknown model"),
            Ending.AWAY,
            id="triton-starts",
        ),
        pytest.param(DeadlineExceeded("no answer"), Ending.SILENCE, id="nobody-answered"),
        pytest.param(UnexpectedAnswer("cut short"), Ending.SILENCE, id="stream-without-a-result"),
        pytest.param(
            received(StageFailed("it broke"), "it broke"), Ending.UNTYPED, id="triton's-own-text"
        ),
        pytest.param(
            received(StageFailed("Failed to open /dev/shm/x"), "[STAGE_FAILED] Failed to open"),
            Ending.LEAK,
            id="a-path",
        ),
    ],
)
def test_error_is_judged_by_who_wrote_it(error: InstantIDError, expected: Ending) -> None:
    assert ending_of(error) is expected


def test_silence_and_wrong_pictures_are_not_in_order() -> None:
    assert {*Ending} - IN_ORDER == {
        Ending.WRONG_PICTURE,
        Ending.TWICE,
        Ending.SILENCE,
        Ending.UNTYPED,
        Ending.LEAK,
    }


@pytest.mark.parametrize(
    "text",
    [
        "no such file: /tmp/instantid-1/desk.sock",
        "in model.py",
        'File "x", line 3, in run',
        "Traceback (most recent call last)",
        "unable to open shared memory object",
        "triton_python_backend_shm_region_4",
        "the stub process is not healthy",
        "Failed to process the request(s) for model instance 'unet_0'",
        "at 0x7f3a99c01",
    ],
)
def test_inner_knowledge_is_noticed(text: str) -> None:
    assert leaks(text)


@pytest.mark.parametrize(
    "text",
    [
        "face_image: expected a photo of a face, or face_embedding; got neither",
        "8 pictures run and 32 requests wait, no more may; try again in 12 s",
        "scheduler: known are DDIMScheduler (ddim), EulerDiscreteScheduler (euler)",
        "the server is starting again; try again in 30 s",
        "width: expected a multiple of 8 pixels, got 130",
    ],
)
def test_words_for_a_caller_are_no_leak(text: str) -> None:
    assert leaks(text) == []
