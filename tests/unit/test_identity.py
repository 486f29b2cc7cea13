"""Whom to draw, and where her face goes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stages import FakeStages

from instantid_server.errors import FaceNotFound, ImageUnreadable, SeveralFaces
from instantid_server.identity import analyse_faces, cosine, find_identity
from instantid_server.request import GenerationRequest, SizeLimits, read_request

LIMITS = SizeLimits(128, 128, 512, 512, 8)
SMALL, LARGE, WIDE = (10, 20, 30, 40), (60, 20, 100, 60), (120, 10, 190, 30)
EMBEDDING = np.arange(512, dtype=np.float32)


def request(**changes: Any) -> GenerationRequest:
    """Return a request with a photo, in which `changes` are made."""
    tensors = {name: np.array([b"photo"], np.object_) for name in ("prompt", "face_image")}
    return replace(read_request(tensors, LIMITS), **changes)


def centre(box: tuple[int, ...]) -> NDArray[np.float32]:
    """Return where `FakeStages` puts all five points of a face."""
    return np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]] * 5, np.float32)


def test_faces_of_a_photo_come_with_its_size() -> None:
    faces = analyse_faces(b"photo", "face_image", FakeStages([SMALL, LARGE]))
    assert (len(faces), faces.height, faces.width) == (2, 100, 200)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [([SMALL, LARGE], 1), ([LARGE, SMALL], 0), ([LARGE, WIDE], 0), ([SMALL, WIDE], 1)],
)
def test_largest_face_is_the_one_with_the_largest_area(boxes: Any, expected: int) -> None:
    assert analyse_faces(b"photo", "face_image", FakeStages(boxes)).largest() == expected


def test_only_face_is_the_person() -> None:
    identity = find_identity(request(), FakeStages([LARGE]))
    np.testing.assert_array_equal(identity.embedding, np.full(512, 1))


@pytest.mark.parametrize("index", [0, 1])
def test_face_index_chooses_from_left_to_right(index: int) -> None:
    identity = find_identity(request(face_index=index), FakeStages([SMALL, LARGE]))
    np.testing.assert_array_equal(identity.embedding, np.full(512, 1 + index))


def test_several_faces_without_an_index_are_refused_with_their_places() -> None:
    with pytest.raises(SeveralFaces) as caught:
        find_identity(request(), FakeStages([SMALL, LARGE]))
    assert caught.value.message == (
        "face_image: expected one face, found 2; choose one of them by face_index, "
        "from left to right: 0 at (10, 20), 1 at (60, 20)"
    )


@pytest.mark.parametrize(
    ("boxes", "index", "message"),
    [
        ([], None, "face_image: expected a face, found none"),
        ([], 0, "face_image: expected a face, found none"),
        ([SMALL], 1, "face_index: expected 0 to 0 for this face_image, got 1"),
        ([SMALL, LARGE], 5, "face_index: expected 0 to 1 for this face_image, got 5"),
    ],
    ids=["none", "none-of-index", "one", "two"],
)
def test_face_that_is_not_there_is_not_found(boxes: Any, index: int | None, message: str) -> None:
    with pytest.raises(FaceNotFound) as caught:
        find_identity(request(face_index=index), FakeStages(boxes))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("height", "width", "scale", "offset"),
    [
        pytest.param(100, 200, 1.0, (0, 0), id="same-size"),
        pytest.param(200, 400, 2.0, (0, 0), id="twice-the-size"),
        pytest.param(400, 400, 2.0, (0, 100), id="square-picture-of-a-wide-photo"),
        pytest.param(200, 600, 2.0, (100, 0), id="wider-than-the-photo"),
    ],
)
def test_pose_of_the_photo_is_fitted_whole_and_centred(
    height: int, width: int, scale: float, offset: tuple[int, int]
) -> None:
    identity = find_identity(request(height=height, width=width), FakeStages([LARGE]))
    expected = centre(LARGE) * scale + np.array(offset)
    np.testing.assert_allclose(identity.keypoints, expected[None], rtol=1e-6)


def test_points_of_the_caller_come_before_the_photos_own() -> None:
    points = np.full((5, 2), 7, np.float32)
    identity = find_identity(request(face_keypoints=points), FakeStages([LARGE]))
    np.testing.assert_array_equal(identity.keypoints, points[None])


def test_pose_photo_gives_its_largest_face_and_not_its_person() -> None:
    stages = FakeStages([SMALL])
    stages.faces[b"pose"] = np.array([SMALL, LARGE], np.float32)
    asked = request(pose_image=b"pose", height=100, width=200)
    identity = find_identity(asked, stages)
    np.testing.assert_allclose(identity.keypoints[0], centre(LARGE))
    np.testing.assert_array_equal(identity.embedding, np.full(512, 1))


def test_pose_photo_without_a_face_is_refused_by_its_own_name() -> None:
    stages = FakeStages([SMALL])
    stages.faces[b"pose"] = np.empty((0, 4), np.float32)
    with pytest.raises(FaceNotFound, match="pose_image: expected a face, found none"):
        find_identity(request(pose_image=b"pose"), stages)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (128, 256), (256, 128)])
def test_embedding_without_a_pose_looks_straight_from_the_middle(height: int, width: int) -> None:
    asked = request(face_image=None, face_embedding=EMBEDDING, height=height, width=width)
    stages = FakeStages()
    points = find_identity(asked, stages).keypoints[0]
    assert stages.calls == []
    middle = points.mean(axis=0)
    np.testing.assert_allclose(middle, [width / 2, height / 2], atol=12)
    left_eye, right_eye, nose, *mouth = points
    assert left_eye[0] < nose[0] < right_eye[0]
    assert right_eye[1] < nose[1] < mouth[0][1]
    assert 20 < right_eye[0] - left_eye[0] < 25  # eye distance of half a 128 pixel picture


def test_embedding_may_take_its_pose_from_a_photo() -> None:
    asked = request(
        face_image=None, face_embedding=EMBEDDING, pose_image=b"pose", height=100, width=200
    )
    identity = find_identity(asked, FakeStages([SMALL]))
    np.testing.assert_array_equal(identity.embedding, EMBEDDING)
    np.testing.assert_allclose(identity.keypoints[0], centre(SMALL))


@pytest.mark.parametrize("name", ["face_image", "pose_image"])
def test_unreadable_photo_is_named_after_its_input(name: str) -> None:
    def refuse(*_: object) -> Any:
        raise ImageUnreadable("image: the picture is damaged or cut off")

    with pytest.raises(ImageUnreadable) as caught:
        analyse_faces(b"photo", name, refuse)
    assert caught.value.message == f"{name}: the picture is damaged or cut off"


def test_cosine_does_not_depend_on_lengths() -> None:
    assert cosine(EMBEDDING, 3 * EMBEDDING) == pytest.approx(1)
    assert cosine(EMBEDDING, -EMBEDDING) == pytest.approx(-1)
    assert cosine(np.eye(2)[0], np.eye(2)[1]) == pytest.approx(0)
