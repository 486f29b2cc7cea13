"""Face analysis: boxes, points and embeddings, in the photo's own pixels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import red_squares
from red_squares import photo, points_of

from instantid_server.contract import MAX_FACES
from instantid_server.errors import ImageUnreadable, StageFailed
from instantid_server.settings import FaceAnalysisSettings
from instantid_server.stages.face import FaceAnalysis


def analysis(**settings: Any) -> FaceAnalysis:
    return FaceAnalysis(
        red_squares.call, FaceAnalysisSettings(**{"detection_size": 256} | settings)
    )


@pytest.mark.parametrize(
    ("width", "height"),
    [(256, 256), (128, 128), (512, 512), (256, 128), (128, 256), (400, 300)],
)
def test_face_is_placed_in_pixels_of_the_photo(width: int, height: int) -> None:
    square = (width // 4, height // 3, min(width, height) // 3)
    faces = analysis().analyse(photo([square], width, height))
    left, top, side = square
    expected = [left, top, left + side, top + side]
    tolerance = 2.5 * max(1, width / 256, height / 256)  # a pixel or two where it is searched
    np.testing.assert_allclose(faces["face_bboxes"][0], expected, atol=tolerance)
    np.testing.assert_allclose(faces["face_keypoints"][0], points_of(square), atol=tolerance)
    assert faces["image_size"].tolist() == [height, width]


def test_faces_come_from_left_to_right_with_their_own_embeddings() -> None:
    squares = [(150, 20, 50), (20, 150, 50), (90, 90, 40)]
    faces = analysis().analyse(photo(squares, 256, 256))
    assert faces["face_bboxes"][:, 0].round().tolist() == [20, 90, 150]
    blues = (faces["face_embeddings"][:, 2] * 127.5 + 127.5).round().tolist()
    assert blues == [40, 80, 0]  # a person's blue counts up in the order they were drawn


def test_recogniser_gets_faces_in_rgb_between_minus_one_and_one() -> None:
    faces = analysis().analyse(photo([(60, 60, 100)], 256, 256))
    np.testing.assert_allclose(faces["face_embeddings"][0, :3], [1, -1, -1], atol=1e-6)


def test_detector_gets_a_square_with_the_photo_in_its_upper_left() -> None:
    seen: list[np.ndarray] = []

    def call(model: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Any:
        seen.append(inputs["image"])
        return red_squares.call(model, inputs, outputs)

    stage = FaceAnalysis(call, FaceAnalysisSettings(detection_size=64))
    stage.analyse(np.full((20, 40, 3), 255, np.uint8))
    (blob,) = seen
    assert blob.shape == (1, 3, 64, 64)
    np.testing.assert_allclose(blob[0, :, :32].max(), 127.5 / 128)
    np.testing.assert_allclose(blob[0, :, 32:], -127.5 / 128)


def test_photo_without_a_face_has_empty_tensors_and_asks_no_recogniser() -> None:
    faces = analysis().analyse(photo([], 128, 128))
    shapes = {name: array.shape for name, array in faces.items()}
    assert shapes == {
        "face_bboxes": (0, 4),
        "face_scores": (0,),
        "face_keypoints": (0, 5, 2),
        "face_embeddings": (0, 512),
        "image_size": (2,),
    }


def test_more_faces_than_a_batch_are_cut_to_the_best() -> None:
    sides = [12] * 8 + [20] * 16
    squares = [(32 * (n % 8), 64 * (n // 8), side) for n, side in enumerate(sides)]
    faces = analysis().analyse(photo(squares, 256, 256))
    assert len(faces["face_scores"]) == MAX_FACES
    assert faces["face_bboxes"][:, 1].min() == 64


def test_score_below_the_threshold_is_no_face() -> None:
    faces = analysis(score_threshold=0.95).analyse(photo([(60, 60, 40)], 256, 256))
    assert len(faces["face_scores"]) == 0


def test_box_over_the_edge_ends_at_the_edge() -> None:
    def call(model: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Any:
        answer = red_squares.call(model, inputs, outputs)
        if "bboxes_8" in answer:
            answer["bboxes_8"] = answer["bboxes_8"] + 100
        return answer

    stage = FaceAnalysis(call, FaceAnalysisSettings(detection_size=256))
    faces = stage.analyse(photo([(60, 60, 100)], 256, 192))
    assert faces["face_bboxes"].tolist() == [[0, 0, 256, 192]]


def test_bad_photo_and_broken_stage_are_outcomes_of_their_requests() -> None:
    def call(model: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Any:
        raise StageFailed(f"the stage {model} failed")

    stage = FaceAnalysis(call, FaceAnalysisSettings())
    requests = [
        {"encoded_image": np.array([[encoded]], np.object_)}
        for encoded in (b"no photo", red_squares.png([]))
    ]
    assert [type(outcome) for outcome in stage.run(requests)] == [ImageUnreadable, StageFailed]
