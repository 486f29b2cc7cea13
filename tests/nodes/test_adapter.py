"""The border to Triton: contexts, calls of other models, and what may pass."""

import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import LETS_IN, TRITON_TEXT, leaks, request_of, stage_inputs
from bls import serve, serve_error
from triton_python_backend_utils import (
    MODELS,
    InferenceRequest,
    InferenceResponse,
    Logger,
    TritonError,
)

from instantid_server.adapter import call_stage, read_context
from instantid_server.errors import FaceNotFound, InstantIDError, ModelNotReady, StageFailed

ARGUMENTS = {
    "model_config": json.dumps(
        {
            "max_batch_size": 4,
            "output": [{"name": "latents", "data_type": "TYPE_FP16"}],
            "parameters": {
                "dtype": {"string_value": "float16"},
                "FORCE_CPU_ONLY_INPUT_TENSORS": {"string_value": "no"},
            },
        }
    ),
    "model_instance_device_id": "3",
    "model_repository": "/models/unet",
    "model_version": "2",
}


def test_context_is_read_from_tritons_strings() -> None:
    context = read_context(ARGUMENTS)
    assert str(context.directory) == "/models/unet/2"
    assert (context.device_id, context.max_batch_size) == (3, 4)
    assert context.output_types == {"latents": "FP16"}


def test_parameters_of_the_backend_are_not_the_stages() -> None:
    assert read_context(ARGUMENTS).parameters == {"dtype": "float16"}


def test_config_without_parameters_is_read() -> None:
    config = json.dumps({"max_batch_size": 0, "output": []})
    assert read_context({**ARGUMENTS, "model_config": config}).parameters == {}


def test_called_model_gets_contiguous_tensors_and_answers_in_the_order_asked() -> None:
    serve("unet", lambda inputs: {"first": inputs["latents"] + 1, "second": inputs["latents"]})
    latents = np.arange(6.0).reshape(2, 3).T
    outputs = call_stage("unet", {"latents": latents}, ["second", "first"])
    assert list(outputs) == ["second", "first"]
    np.testing.assert_array_equal(outputs["first"], latents + 1)


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        pytest.param("[FACE_NOT_FOUND] no face", TritonError.INVALID_ARG, FaceNotFound, id="ours"),
        pytest.param(TRITON_TEXT, TritonError.UNAVAILABLE, ModelNotReady, id="unavailable"),
        pytest.param(TRITON_TEXT, TritonError.NOT_FOUND, ModelNotReady, id="not-found"),
        pytest.param(TRITON_TEXT, TritonError.INTERNAL, StageFailed, id="internal"),
        pytest.param(TRITON_TEXT, TritonError.UNKNOWN, StageFailed, id="unknown"),
    ],
)
def test_error_of_a_called_model_becomes_ours(
    message: str, code: int, kind: type[InstantIDError]
) -> None:
    serve_error("unet", message, code)
    with pytest.raises(kind) as caught:
        call_stage("unet", {}, [])
    assert type(caught.value) is kind
    assert leaks(str(caught.value)) == []


def test_model_that_is_not_there_is_not_ready_and_keeps_no_trace_of_triton() -> None:
    with pytest.raises(ModelNotReady) as caught:
        call_stage("unet", {}, [])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_called_model_is_shown_the_stage_key() -> None:
    shown = []

    def answer(request: InferenceRequest) -> InferenceResponse:
        shown.append(json.loads(request.parameters()))
        return InferenceResponse()

    MODELS["unet"] = answer
    call_stage("unet", {}, [])
    assert shown == [LETS_IN]


class Garbled(InferenceRequest):
    """A request as Triton 2.51 passes it on from HTTP: any bytes, and names as often as given."""

    def __init__(self, parameters: bytes, request_id: bytes) -> None:
        super().__init__()
        self._garbled = parameters, request_id

    def parameters(self) -> str:
        return self._garbled[0].decode()

    def request_id(self) -> str:
        return self._garbled[1].decode()


@pytest.mark.parametrize(
    ("parameters", "request_id", "message"),
    [
        pytest.param(b'{"a": "\xff"}', b"", "parameters: expected UTF-8", id="parameters"),
        pytest.param(b"{}", b"\xff", "request id: expected UTF-8", id="request-id"),
        pytest.param(
            b'{"instantid-tenant": "forged", "instantid-tenant": "true"}',
            b"",
            "parameters: expected each name once",
            id="name-twice",
        ),
    ],
)
def test_garbled_request_to_a_public_model_is_refused_alone(
    parameters: bytes, request_id: bytes, message: str, load_node: Callable[[str], Any]
) -> None:
    batch = [Garbled(parameters, request_id), Garbled(b"{}", b"")]
    refusal, other = load_node("instantid_cancel").execute(batch)
    assert refusal.error().message() == f"[INVALID_INPUT] {message}"
    assert other.error().message() == "[INVALID_INPUT] request_id: required, but not given"


@pytest.mark.parametrize("parameters", [b'{"a": "\xff"}', b'{"a": 1, "a": 1}'])
def test_garbled_request_to_a_stage_is_refused_alone(
    parameters: bytes, load_node: Callable[[str], Any]
) -> None:
    good = request_of(stage_inputs("id_resampler", 1), parameters=LETS_IN)
    refusal, answer = load_node("id_resampler").execute([Garbled(parameters, b""), good])
    assert refusal.error().message().startswith("[INVALID_INPUT] parameters: ")
    assert not answer.has_error()


def test_warning_of_a_stage_reaches_tritons_log(load_node: Callable[[str], Any]) -> None:
    load_node("id_resampler")
    logging.getLogger("instantid_server.stages.resampler").warning("%s is odd", "this")
    assert ("warn", "this is odd") in Logger.lines
