"""Who is on the picture, and where: the reference face and the five points of the new one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import FACE_ANALYSIS
from instantid_server.errors import FaceNotFound, InvalidInput, SeveralFaces
from instantid_server.node import StageCall
from instantid_server.request import GenerationRequest
from instantid_server.trust.consent.card import FaceCard

# Where the face goes when neither a photo nor points say so: ArcFace's own frontal template
# (insightface, utils/face_align.py), as shares of a square, drawn in the middle of the picture.
FRONTAL_POINTS = (
    np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
         [70.7299, 92.2041]],
        np.float32,
    )
    / 112.0
)  # fmt: skip
FRONTAL_SHARE = 0.5  # side of that square, of the picture's shorter side


@dataclass(frozen=True)
class Faces:
    """Every face of one photo, from left to right."""

    bboxes: NDArray[np.float32]  # (faces, 4): left, top, right, bottom
    keypoints: NDArray[np.float32]  # (faces, 5, 2)
    embeddings: NDArray[np.float32]  # (faces, 512), raw
    height: int
    width: int

    def __len__(self) -> int:
        """Return how many faces there are."""
        return len(self.bboxes)

    def largest(self) -> int:
        """Return the index of the face with the largest box."""
        left, top, right, bottom = self.bboxes.T
        return int(np.argmax((right - left) * (bottom - top)))


@dataclass(frozen=True)
class Identity:
    """The person to draw and where her face goes."""

    embedding: NDArray[np.float32]  # (512,), raw
    keypoints: NDArray[np.float32]  # (1, 5, 2), pixels of the result


def analyse_faces(encoded: bytes, name: str, call: StageCall) -> Faces:
    """Return the faces of an encoded photo that came as the input `name`."""
    outputs = [spec.name for spec in FACE_ANALYSIS.outputs]
    inputs = {"encoded_image": np.array([[encoded]], dtype=np.object_)}
    try:
        found = call(FACE_ANALYSIS.name, inputs, outputs)
    except InvalidInput as error:  # the stage knows the picture, but not which input it is
        raise type(error)(f"{name}{error.message.removeprefix('image')}") from error
    height, width = found["image_size"][0].tolist()
    return Faces(
        bboxes=found["face_bboxes"][0],
        keypoints=found["face_keypoints"][0],
        embeddings=found["face_embeddings"][0],
        height=height,
        width=width,
    )


def find_identity(request: GenerationRequest, call: StageCall) -> Identity:
    """Return the person and the pose that `request` asks for.

    Raises FaceNotFound or SeveralFaces for a photo that does not show exactly whom to draw.
    """
    if request.face_embedding is not None:
        return Identity(request.face_embedding, _find_pose(request, None, call))
    assert request.face_image is not None  # read_request has made sure of one of the two
    faces = analyse_faces(request.face_image, "face_image", call)
    chosen = choose_face(faces, request.face_index)
    own_pose = _fit(faces, faces.keypoints[chosen], request)
    return Identity(faces.embeddings[chosen], _find_pose(request, own_pose, call))


def identity_from_card(card: FaceCard, request: GenerationRequest, call: StageCall) -> Identity:
    """Return the person and the pose that a card's photo would have given."""
    own_pose = _fit(card, card.keypoints, request)
    return Identity(card.embedding, _find_pose(request, own_pose, call))


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the cosine of two raw embeddings, the measure recognisers are trained for."""
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def choose_face(faces: Faces, face_index: int | None) -> int:
    """Return the index of the face that is meant; raises FaceNotFound or SeveralFaces."""
    if len(faces) == 0:
        raise FaceNotFound("face_image: expected a face, found none")
    if face_index is None:
        if len(faces) > 1:
            raise SeveralFaces(
                f"face_image: expected one face, found {len(faces)}; choose one of them by "
                f"face_index, from left to right: {_describe(faces)}"
            )
        return 0
    if face_index >= len(faces):
        raise FaceNotFound(
            f"face_index: expected 0 to {len(faces) - 1} for this face_image, got {face_index}"
        )
    return face_index


def _describe(faces: Faces) -> str:
    corners = faces.bboxes[:, :2].round().astype(int).tolist()
    return ", ".join(f"{index} at ({left}, {top})" for index, (left, top) in enumerate(corners))


def _find_pose(
    request: GenerationRequest, own_pose: NDArray[np.float32] | None, call: StageCall
) -> NDArray[np.float32]:
    """Return (1, 5, 2): the caller's points, else the pose photo's, else the reference's own."""
    if request.face_keypoints is not None:
        return request.face_keypoints[None]
    if request.pose_image is not None:
        faces = analyse_faces(request.pose_image, "pose_image", call)
        if len(faces) == 0:
            raise FaceNotFound("pose_image: expected a face, found none")
        return _fit(faces, faces.keypoints[faces.largest()], request)[None]
    if own_pose is not None:
        return own_pose[None]
    side = FRONTAL_SHARE * min(request.height, request.width)
    corner = (np.array([request.width, request.height], np.float32) - side) / 2
    points: NDArray[np.float32] = FRONTAL_POINTS * np.float32(side) + corner
    return points[None]


def _fit(
    seen: Faces | FaceCard, points: NDArray[np.float32], request: GenerationRequest
) -> NDArray[np.float32]:
    """Return `points` where they lie when the whole photo is fitted into the picture, centred."""
    photo = np.array([seen.width, seen.height], np.float32)
    picture = np.array([request.width, request.height], np.float32)
    scale = (picture / photo).min()
    fitted: NDArray[np.float32] = (points * scale + (picture - photo * scale) / 2).astype("f4")
    return fitted
