"""The keypoint map, against a second statement of how InstantID draws it."""

import math

import cv2
import numpy as np
import pytest

from instantid_server.stages.pose import KeypointMapSize, draw_keypoints

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
YELLOW, MAGENTA = (255, 255, 0), (255, 0, 255)
FACE = np.array([[30, 30], [90, 32], [60, 60], [40, 90], [80, 88]], np.float32)
SIZE = KeypointMapSize()


def draw_plainly(points: np.ndarray, height: int, width: int, size: KeypointMapSize) -> np.ndarray:
    """Draw one face as the released pipeline describes it, step by step."""
    colours = [RED, GREEN, BLUE, YELLOW, MAGENTA]
    picture = np.zeros([height, width, 3])
    for first, second in [[0, 2], [1, 2], [3, 2], [4, 2]]:
        x, y = points[[first, second], 0], points[[first, second], 1]
        length = ((x[0] - x[1]) ** 2 + (y[0] - y[1]) ** 2) ** 0.5
        angle = math.degrees(math.atan2(y[0] - y[1], x[0] - x[1]))
        centre = (int(np.mean(x)), int(np.mean(y)))
        axes = (int(length / 2), size.limb_width_px)
        outline = cv2.ellipse2Poly(centre, axes, int(angle), 0, 360, 1)
        picture = cv2.fillConvexPoly(picture.copy(), outline, colours[first])
    picture = (picture * 0.6).astype(np.uint8)
    for colour, (x, y) in zip(colours, points, strict=True):
        picture = cv2.circle(
            picture.copy(), (int(x), int(y)), size.dot_radius_px, colour, thickness=-1
        )
    return picture


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [SIZE, KeypointMapSize(1, 2)], ids=["instantid", "pocket"])
def test_map_equals_the_plain_statement(seed: int, size: KeypointMapSize) -> None:
    # Some of the points lie outside the picture.
    points = np.random.default_rng(seed).uniform(-10, 110, (5, 2)).astype(np.float32)
    drawn = draw_keypoints(points[None], 96, 104, size)
    np.testing.assert_array_equal(drawn, draw_plainly(points, 96, 104, size))


@pytest.mark.parametrize(("index", "colour"), list(enumerate([RED, GREEN, BLUE, YELLOW, MAGENTA])))
def test_dots_have_their_colour_in_full(index: int, colour: tuple[int, int, int]) -> None:
    x, y = FACE[index].astype(int)
    assert tuple(draw_keypoints(FACE[None], 120, 120, SIZE)[y, x]) == colour


@pytest.mark.parametrize(
    ("index", "colour"),
    [(0, (153, 0, 0)), (1, (0, 153, 0)), (3, (153, 153, 0)), (4, (153, 0, 153))],
)
def test_limbs_have_the_dimmed_colour_of_their_outer_point(
    index: int, colour: tuple[int, int, int]
) -> None:
    x, y = ((FACE[index] + FACE[2]) / 2).astype(int)
    assert tuple(draw_keypoints(FACE[None], 120, 120, SIZE)[y, x]) == colour


def test_later_limb_and_later_dot_lie_on_top() -> None:
    points = np.array([[20, 20], [20, 20], [60, 60], [100, 20], [20, 100]], np.float32)
    drawn = draw_keypoints(points[None], 120, 120, SIZE)
    assert tuple(drawn[40, 40]) == (0, 153, 0)
    assert tuple(drawn[20, 20]) == GREEN


def test_points_are_cut_to_whole_pixels_and_not_rounded() -> None:
    almost = draw_keypoints((FACE + 0.99)[None], 120, 120, KeypointMapSize(1, 2))
    dots = draw_keypoints(FACE[None], 120, 120, KeypointMapSize(1, 2))
    x, y = FACE[0].astype(int)
    window = np.s_[y - 3 : y + 4, x - 3 : x]
    np.testing.assert_array_equal(almost[window], dots[window])


def test_size_of_dots_does_not_follow_the_picture() -> None:
    small = draw_keypoints(FACE[None], 120, 120, SIZE)
    large = draw_keypoints(FACE[None], 480, 640, SIZE)
    np.testing.assert_array_equal(large[:120, :120], small)
    assert not large[120:].any()


def test_faces_are_drawn_dots_over_limbs_of_all() -> None:
    other = FACE + np.array([10, 0], np.float32)
    drawn = draw_keypoints(np.stack([FACE, other]), 120, 140, SIZE)
    assert tuple(drawn[30, 30]) == RED
    assert tuple(drawn[60, 70]) == BLUE


def test_no_face_draws_nothing() -> None:
    assert not draw_keypoints(np.empty((0, 5, 2), np.float32), 64, 64, SIZE).any()
