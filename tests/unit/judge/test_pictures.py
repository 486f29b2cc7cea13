"""What the judge looks at: faces turned upright, and drawings a little worse than they were."""

import numpy as np
import pytest

from scripts.judge.disturbance import disturbed, misplaced, shaken
from scripts.judge.face_crops import CROP_PX, crop_face
from scripts.pocket.drawings import drawing_of
from scripts.pocket.portraits import Portrait
from scripts.pocket.retouch import moved, turn


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return drawing_of(0, 0)


def test_a_turned_picture_gives_the_same_crop(portrait: Portrait) -> None:
    matrix = turn((64, 64), 20, 0.9)
    turned = moved(portrait.picture, matrix, 128, fill=None)
    keypoints = portrait.keypoints @ matrix[:, :2].T + matrix[:, 2]
    upright = crop_face(portrait.picture, portrait.keypoints).astype(float)
    middle = slice(CROP_PX // 4, -CROP_PX // 4)
    away = np.abs(upright - crop_face(turned, keypoints))[middle, middle]
    assert away.mean() < 5


def test_keypoints_go_along_with_a_shaken_picture() -> None:
    dark = np.zeros((128, 128, 3), np.uint8)
    dark[40:43, 90:93] = 255
    rng = np.random.default_rng(0)
    for _ in range(5):
        picture, keypoints = shaken(dark, np.tile([[91.0, 41.0]], (5, 1)), rng)
        rows, columns = np.nonzero(picture[..., 0] > 100)
        np.testing.assert_allclose(keypoints[0], [columns.mean(), rows.mean()], atol=0.7)


def test_a_disturbed_picture_still_shows_the_same(portrait: Portrait) -> None:
    before = portrait.picture.copy()
    rng = np.random.default_rng(0)
    worse = np.stack([disturbed(portrait.picture, rng) for _ in range(20)])
    np.testing.assert_array_equal(portrait.picture, before)
    away = np.abs(worse.astype(float) - before).mean((1, 2, 3))
    assert 0 < away.max() < 20


def test_misplaced_keypoints_are_off_by_little_of_the_eyes_distance(portrait: Portrait) -> None:
    rng = np.random.default_rng(0)
    off = [misplaced(portrait.keypoints, rng) - portrait.keypoints for _ in range(200)]
    eyes_px = np.hypot(*(portrait.keypoints[1] - portrait.keypoints[0]))
    assert 0.015 < np.std(off) / eyes_px < 0.025
