"""The face analysis node: photos in, every face of them out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import red_squares
from batches import TRITON_TEXT, answers, leaks, texts
from bls import serve_error, serve_faces
from triton_python_backend_utils import TritonError

SQUARES = [(70, 40, 40), (10, 20, 30)]


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("face_analysis")


def test_every_face_is_found_from_left_to_right(node: Any) -> None:
    serve_faces()
    (answer,) = answers(node, [{"encoded_image": texts([red_squares.png(SQUARES)])}])
    assert answer["face_bboxes"].shape == (1, 2, 4)
    np.testing.assert_allclose(answer["face_bboxes"][0, 0], [10, 20, 40, 50], atol=1)
    np.testing.assert_array_equal(answer["image_size"], [[128, 128]])


def test_photo_without_a_face_is_no_error(node: Any) -> None:
    serve_faces()
    (answer,) = answers(node, [{"encoded_image": texts([red_squares.png([])])}])
    assert answer["face_embeddings"].shape == (1, 0, 512)


def test_photos_of_one_request_are_filled_up_with_faces_of_score_zero(node: Any) -> None:
    serve_faces()
    photos = [red_squares.png(SQUARES), red_squares.png(SQUARES[:1])]
    (answer,) = answers(node, [{"encoded_image": texts(photos)}])
    assert (answer["face_scores"] > 0).sum(axis=1).tolist() == [2, 1]


def test_detector_that_is_not_loaded_is_told_as_not_ready(node: Any) -> None:
    (answer,) = answers(node, [{"encoded_image": texts([red_squares.png(SQUARES)])}])
    assert answer.startswith("[MODEL_NOT_READY] the stage face_detector is not ready")


def test_text_of_a_broken_embedder_stays_in_the_server(node: Any) -> None:
    serve_faces()
    serve_error("face_embedder", TRITON_TEXT, TritonError.INTERNAL)
    (answer,) = answers(node, [{"encoded_image": texts([red_squares.png(SQUARES)])}])
    assert answer == "[STAGE_FAILED] the stage face_embedder failed"
    assert leaks(answer) == []
