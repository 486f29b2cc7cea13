"""The unary public node: one request, one late answer."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import red_squares
from batches import TRITON_TEXT, Unforeseen, answer_of, leaks, log_text, request_of
from bls import serve_chain, serve_error
from PIL import Image
from public_requests import last_answer, picture_request, send
from triton_python_backend_utils import (
    MODELS,
    InferenceRequest,
    InferenceResponse,
    Logger,
    TritonError,
    get_input_tensor_by_name,
)

from instantid_server.contract import INSTANTID
from instantid_server.serving.desk import AdmissionDesk

pytestmark = pytest.mark.usefixtures("plain_pictures")

LoadNode = Callable[[str], Any]


@pytest.fixture
def node(load_node: LoadNode) -> Any:
    serve_chain(load_node)
    return load_node("instantid")


def raise_unforeseen(_: object) -> Any:
    raise Unforeseen


def test_answer_is_one_final_response_with_a_picture(node: Any) -> None:
    sender = send(node, picture_request())
    node.finalize()
    assert (len(sender.sent), sender.closed) == (1, True)
    answer = answer_of(sender.sent[0])
    assert Image.open(BytesIO(answer["image"][0])).size == (64, 64)


def test_answer_has_the_results_of_the_contract_and_no_progress(node: Any) -> None:
    expected = {spec.name for spec in INSTANTID.outputs}
    assert set(last_answer(node, picture_request())) == expected


@pytest.mark.parametrize(
    "inputs", [picture_request(), {}], ids=["picture", "refused-before-the-pipeline"]
)
def test_answer_that_cannot_be_sent_has_triton_started_again(
    inputs: dict[str, Any], node: Any, desk: AdmissionDesk
) -> None:
    request = request_of(inputs)
    request.get_response_sender().without_memory = True
    node.execute([request])
    node.finalize()
    assert desk.broken_models() == ["instantid"]


def test_picture_without_a_face_has_no_similarity_and_says_why(node: Any) -> None:
    answer = last_answer(node, picture_request())
    assert np.isnan(answer["identity_similarity"]).all()
    assert answer["identity_note"].tolist() == [b"no face found in the picture"]


def test_same_request_gives_the_same_pixels_twice(load_node: LoadNode) -> None:
    serve_chain(load_node)
    first, second = (
        np.asarray(Image.open(BytesIO(answer["image"][0])))
        for answer in (last_answer(load_node("instantid"), picture_request()) for _ in range(2))
    )
    assert np.array_equal(first, second)


def test_second_picture_of_a_request_is_the_first_of_the_next_seed(load_node: LoadNode) -> None:
    serve_chain(load_node)
    pair = last_answer(load_node("instantid"), picture_request(num_images_per_prompt=2))
    alone = last_answer(load_node("instantid"), picture_request(seed=8))
    assert pair["seed"].tolist() == [7, 8]
    second, first = (
        np.asarray(Image.open(BytesIO(encoded)), int)
        for encoded in (pair["image"][1], alone["image"][0])
    )
    np.testing.assert_allclose(second, first, atol=1)


def test_requests_of_one_batch_are_answered_each_on_its_own(node: Any) -> None:
    good, bad = send(node, picture_request()), send(node, picture_request(prompt=""))
    node.finalize()
    assert not good.sent[0].has_error()
    assert answer_of(bad.sent[0]).startswith("[INVALID_INPUT] prompt: ")


def test_inputs_outlive_the_memory_they_came_in(node: Any) -> None:
    inputs = picture_request()
    del inputs["face_image"]
    request = request_of({**inputs, "face_embedding": np.ones(512, np.float32)})
    encode_text, resample, seen = MODELS["text_encoder"], MODELS["id_resampler"], []

    def overwrite_the_request(call: InferenceRequest) -> InferenceResponse:
        get_input_tensor_by_name(request, "face_embedding").as_numpy()[:] = -1
        return encode_text(call)

    def watch(call: InferenceRequest) -> InferenceResponse:
        seen.append(get_input_tensor_by_name(call, "face_embedding").as_numpy()[1].min())
        return resample(call)

    MODELS.update(text_encoder=overwrite_the_request, id_resampler=watch)
    node.execute([request])
    node.finalize()
    assert seen == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"face_image": red_squares.png([])},
            "[FACE_NOT_FOUND] face_image: expected a face, found none",
            id="no-face",
        ),
        pytest.param(
            {"face_image": red_squares.png([(0, 0, 30), (60, 60, 40)])},
            "[SEVERAL_FACES] face_image: expected one face, found 2; choose one of them by "
            "face_index, from left to right: 0 at (0, 0), 1 at (60, 60)",
            id="two-faces",
        ),
        pytest.param(
            {"face_image": b"GIF89a"},
            "[IMAGE_UNREADABLE] face_image: expected a picture "
            "(PNG, JPEG, WEBP, BMP, TIFF), got other bytes",
            id="not-a-picture",
        ),
        pytest.param(
            {"pose_image": red_squares.png([])},
            "[FACE_NOT_FOUND] pose_image: expected a face, found none",
            id="no-face-to-pose",
        ),
        pytest.param(
            {"width": 100},
            "[INVALID_INPUT] width: expected a multiple of 8 pixels, got 100",
            id="size",
        ),
    ],
)
def test_bad_request_is_told_what_is_wrong(node: Any, options: Any, message: str) -> None:
    assert last_answer(node, picture_request(**options)) == message


def test_missing_prompt_is_answered_at_once(node: Any) -> None:
    inputs = picture_request()
    del inputs["prompt"]
    sender = send(node, inputs)
    assert sender.closed
    assert answer_of(sender.sent[0]) == "[INVALID_INPUT] prompt: required, but not given"


def test_face_may_be_given_as_an_embedding(node: Any) -> None:
    inputs = picture_request()
    del inputs["face_image"]
    inputs["face_embedding"] = np.ones(512, np.float32)
    assert last_answer(node, inputs)["seed"].tolist() == [7]


def test_caller_that_went_away_gets_a_final_cancelled(node: Any) -> None:
    sender = send(node, picture_request(num_inference_steps=50), cancelled=True)
    node.finalize()
    assert sender.closed
    (answer,) = (answer_of(response) for response in sender.sent)
    assert answer.startswith("[CANCELLED] the caller went away")


def test_unforeseen_error_is_final_and_leaks_nothing(node: Any) -> None:
    MODELS["vae_decoder"] = raise_unforeseen
    answer = last_answer(node, picture_request())
    assert answer == "[INTERNAL] instantid met an unforeseen error"
    errors = [text for level, text in Logger.lines if level == "error"]
    assert errors[0].startswith("instantid failed: Unforeseen in raise_unforeseen, line ")
    assert leaks(log_text()) == []


def test_broken_stage_is_named_and_its_text_kept(node: Any) -> None:
    serve_error("denoise_step", TRITON_TEXT, TritonError.INTERNAL)
    assert last_answer(node, picture_request()) == "[STAGE_FAILED] the stage denoise_step failed"


def test_stage_out_of_memory_is_passed_on_as_such(node: Any) -> None:
    text = f"{TRITON_TEXT} [OUT_OF_MEMORY] unet ran out of memory"
    serve_error("denoise_step", text, TritonError.UNAVAILABLE)
    answer = last_answer(node, picture_request())
    assert answer == "[OUT_OF_MEMORY] unet ran out of memory"
