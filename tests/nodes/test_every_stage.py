"""What every stage owes its callers: one bad request spoils no other, and nothing leaks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from batches import (
    LETS_IN,
    STAGE_KEY,
    Arrays,
    Unforeseen,
    answer_of,
    answers,
    leaks,
    log_text,
    request_of,
    stage_inputs,
    texts,
)
from bls import serve_faces
from numpy.typing import NDArray
from triton_python_backend_utils import Logger

from instantid_server.contract import MODELS, PUBLIC_MODELS, STAGE_KEY_PARAMETER
from instantid_server.images import RGB, decode_image
from instantid_server.node import Outcome, Stage, Tensors
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.stage_key import STAGE_KEY_VARIABLE, StageKeyUnknown

LoadNode = Callable[[str], Any]

STAGES = [
    spec.name
    for spec in MODELS.values()
    if spec.backend == "python" and spec.name not in PUBLIC_MODELS
]
BAD_INPUTS: dict[str, Arrays] = {
    "face_analysis": {"encoded_image": texts([b"not a picture"])},
    "text_encoder": {"prompt": texts([b"\xff\xfe"])},
    "id_resampler": {"face_embedding": np.ones((1, 128), np.float32)},
    "identitynet": {"latents": np.ones((1, 3, 8, 8), np.float32)},
    "unet": {"latents": np.ones((1, 3, 8, 8), np.float32)},
    "vae_decoder": {"latents": np.ones((1, 3, 8, 8), np.float32)},
    "vae_encoder": {"image": np.ones((1, 60, 64, 3), np.uint8)},
    "safety": {"image": np.ones((1, 64, 64, 4), np.uint8)},
    "credentials": {"record_id": texts(["no record id"])},
}
each_stage = pytest.mark.parametrize("name", STAGES)


class BreaksOnTwoRows:
    """A stage that raises for a batch in which any request has two rows."""

    def __init__(self, stage: Stage, error: Exception) -> None:
        self.from_dlpack = stage.from_dlpack
        self._stage = stage
        self._error = error

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        if any(len(next(iter(request.values()))) == 2 for request in requests):
            raise self._error
        return self._stage.run(requests)


@pytest.fixture
def stage_node(load_node: LoadNode) -> LoadNode:
    serve_faces()
    return load_node


def assert_same(got: Any, expected: Arrays) -> None:
    assert not isinstance(got, str), got
    for name, array in expected.items():
        if name == "encoded_image":  # signed anew each time, under another random label
            np.testing.assert_array_equal(decoded(got[name]), decoded(array))
        elif array.dtype == np.object_:
            np.testing.assert_array_equal(got[name], array, err_msg=name)
        else:
            # A picture's values may sit on the edge between two integers.
            tolerance = 1 if array.dtype == np.uint8 else 1e-5
            np.testing.assert_allclose(got[name], array, rtol=0, atol=tolerance, err_msg=name)


def decoded(files: NDArray[np.object_]) -> list[RGB]:
    return [decode_image(file, "encoded_image") for file in files.flat]


def test_every_stage_has_a_bad_request_here() -> None:
    assert sorted(BAD_INPUTS) == sorted(STAGES)


@each_stage
def test_answers_have_the_outputs_and_types_of_the_contract(
    name: str, stage_node: LoadNode
) -> None:
    (answer,) = answers(stage_node(name), [stage_inputs(name, 1)])
    types = {"FP32": np.float32, "INT32": np.int32, "UINT8": np.uint8, "BYTES": np.object_}
    expected = {spec.name: types[spec.dtype] for spec in MODELS[name].outputs}
    assert {output: array.dtype for output, array in answer.items()} == expected


@each_stage
def test_bad_request_leaves_its_neighbours_as_they_are_alone(
    name: str, stage_node: LoadNode
) -> None:
    node = stage_node(name)
    good = [stage_inputs(name, seed) for seed in (1, 2)]
    bad = {**stage_inputs(name, 3), **BAD_INPUTS[name]}
    first, error, last = answers(node, [good[0], bad, good[1]])
    for got, inputs in zip((first, last), good, strict=True):
        (expected,) = answers(node, [inputs])
        if "batch_requests" in expected:
            expected["batch_requests"] = np.array([[2]])  # the bad one was not in the forward
        assert_same(got, expected)
    assert error.startswith(("[INVALID_INPUT] ", "[IMAGE_UNREADABLE] "))


@each_stage
def test_unforeseen_exception_breaks_the_guilty_request_alone(
    name: str, stage_node: LoadNode
) -> None:
    node = stage_node(name)
    good = [stage_inputs(name, seed) for seed in (1, 2)]
    expected = [answers(node, [inputs])[0] for inputs in good]
    node._stage = BreaksOnTwoRows(node._stage, Unforeseen())
    first, error, last = answers(node, [good[0], stage_inputs(name, 3, rows=2), good[1]])
    assert error == f"[INTERNAL] {name} met an unforeseen error"
    assert_same(first, expected[0])
    assert_same(last, expected[1])


@each_stage
def test_log_names_an_unforeseen_error_and_leaks_nothing(name: str, stage_node: LoadNode) -> None:
    node = stage_node(name)
    node._stage = BreaksOnTwoRows(node._stage, Unforeseen())
    answers(node, [stage_inputs(name, 3, rows=2)])
    errors = [text for level, text in Logger.lines if level == "error"]
    assert len(errors) == 1
    assert errors[0].startswith(f"{name} failed: Unforeseen in BreaksOnTwoRows.run, line ")
    assert leaks(log_text()) == []


@each_stage
def test_stage_that_ran_out_of_memory_leaves_service(
    name: str, stage_node: LoadNode, desk: AdmissionDesk
) -> None:
    node = stage_node(name)
    node._stage = BreaksOnTwoRows(node._stage, MemoryError())
    batch = answers(node, [stage_inputs(name, 3, rows=2), stage_inputs(name, 1)])
    assert [answer.partition("]")[0] for answer in batch] == ["[OUT_OF_MEMORY"] * 2
    (later,) = answers(node, [stage_inputs(name, 1)])
    assert later.startswith(f"[MODEL_NOT_READY] the stage {name} left service")
    assert desk.broken_models() == [name] * 2  # for the first word may have been missed


@each_stage
def test_more_bytes_than_a_stage_takes_are_refused(
    name: str, stage_node: LoadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = stage_node(name)
    monkeypatch.setattr(node, "spec", replace(node.spec, max_input_bytes=1))
    (answer,) = answers(node, [stage_inputs(name, 1)])
    assert answer.startswith("[INVALID_INPUT] inputs: expected at most 1 bytes, got ")


@each_stage
def test_missing_input_is_named(name: str, stage_node: LoadNode) -> None:
    inputs = stage_inputs(name, 1)
    missing = next(iter(inputs))
    del inputs[missing]
    answer = answers(stage_node(name), [inputs, stage_inputs(name, 2)])
    assert answer[0] == f"[INVALID_INPUT] {missing}: required, but not given"
    assert not isinstance(answer[1], str)


@each_stage
@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="no-key"),
        pytest.param({STAGE_KEY_PARAMETER: ""}, id="empty-key"),
        pytest.param({STAGE_KEY_PARAMETER: STAGE_KEY[:-1]}, id="wrong-key"),
    ],
)
def test_request_without_the_stage_key_is_refused_and_its_neighbours_are_not(
    name: str, parameters: dict[str, str], stage_node: LoadNode
) -> None:
    node = stage_node(name)
    good = stage_inputs(name, 1)
    expected = answers(node, [good, good])
    given = [LETS_IN, parameters, LETS_IN]
    responses = node.execute([request_of(good, parameters=each) for each in given])
    first, refusal, last = map(answer_of, responses)
    assert refusal == f"[NOT_PUBLIC] {name} answers this server's own models alone"
    assert_same(first, expected[0])
    assert_same(last, expected[1])


@each_stage
def test_stage_that_was_told_no_key_does_not_load(
    name: str, stage_node: LoadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STAGE_KEY_VARIABLE)
    with pytest.raises(StageKeyUnknown):
        stage_node(name)


@each_stage
def test_batch_of_bad_requests_alone_is_answered(name: str, stage_node: LoadNode) -> None:
    bad = {**stage_inputs(name, 3), **BAD_INPUTS[name]}
    assert all(isinstance(answer, str) for answer in answers(stage_node(name), [bad, {}]))


@each_stage
def test_loading_is_logged_once(name: str, stage_node: LoadNode) -> None:
    stage_node(name)
    assert [text for _, text in Logger.lines if "is loaded" in text] == [
        text for text in log_text().splitlines() if text.startswith(f"{name} ")
    ]
