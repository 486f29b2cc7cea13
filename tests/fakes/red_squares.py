"""A detector and a recogniser for photos on which a face is a red square, its blue the person."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from instantid_server.contract import EMBEDDING_SIZE, NUM_KEYPOINTS
from instantid_server.errors import StageFailed

Array = NDArray[Any]
Square = tuple[int, int, int]  # left, top, side in pixels

# Where the five points lie in the square, as shares of its side.
POINTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
STRIDES = (8, 16, 32)
ANCHORS_A_CELL = 2
SMALLEST_PX = 8  # less is noise


def photo(squares: Sequence[Square], width: int = 128, height: int = 128) -> Array:
    """Return a grey photo (height, width, 3) with a person of another blue on each square."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    for number, (left, top, side) in enumerate(squares):
        pixels[top : top + side, left : left + side] = (255, 0, min(40 * number, 255))
    return pixels


def png(squares: Sequence[Square], width: int = 128, height: int = 128) -> bytes:
    """Return `photo` encoded."""
    buffer = BytesIO()
    Image.fromarray(photo(squares, width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def points_of(square: Square) -> NDArray[np.float32]:
    """Return the five points (5, 2) of a square, in pixels of the photo."""
    left, top, side = square
    return POINTS * side + np.array([left, top], np.float32)


def call(model: str, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
    """Run one of the two models, as a stage calls them."""
    if model not in ANSWERS:
        raise StageFailed(f"the stage {model} failed")
    answer = ANSWERS[model](inputs)
    return {name: answer[name] for name in outputs}


def detect(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Answer as `face_detector` does: each square sits in the cell of stride 8 at its centre."""
    red, green, _ = inputs["image"][0]
    height, width = red.shape
    answer = _no_faces(height, width)
    mask = ((red > 0.5) & (green < -0.5)).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask)
    for left, top, box_width, box_height, _ in boxes[1:]:  # the first one is the background
        if min(box_width, box_height) < SMALLEST_PX:
            continue
        column, row = (left + box_width // 2) // 8, (top + box_height // 2) // 8
        anchor = (row * (width // 8) + column) * ANCHORS_A_CELL
        here = np.array([column * 8, row * 8])
        corner, size = np.array([left, top]), np.array([box_width, box_height])
        answer["scores_8"][0, anchor] = min(0.6 + box_width / 256, 1)  # the larger, the surer
        answer["bboxes_8"][0, anchor] = np.concatenate([here - corner, corner + size - here]) / 8
        answer["keypoints_8"][0, anchor] = ((POINTS * size + corner - here) / 8).ravel()
    return answer


def _no_faces(height: int, width: int) -> dict[str, Array]:
    answer: dict[str, Array] = {}
    for name, values in (("scores", 1), ("bboxes", 4), ("keypoints", 2 * NUM_KEYPOINTS)):
        for stride in STRIDES:
            anchors = (height // stride) * (width // stride) * ANCHORS_A_CELL
            answer[f"{name}_{stride}"] = np.zeros((1, anchors, values), np.float32)
    return answer


def embed(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Answer as `face_embedder` does: the colour in the middle of the face, over and over."""
    colours = inputs["aligned_face"][:, :, 56, 56]
    return {"face_embedding": np.stack([np.resize(colour, EMBEDDING_SIZE) for colour in colours])}


ANSWERS = {"face_detector": detect, "face_embedder": embed}
