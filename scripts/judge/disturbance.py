"""Disturbance: drawings a little worse, so that the judge is strict about content only.

Nothing here comes from a generated picture: the judge must not learn what those look like.
"""

import numpy as np

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.retouch import blurred, compressed, moved, noisy, turn

_KEYPOINT_SPREAD = 0.02  # of the distance of the eyes
_SHIFT_PX = 3.0
_TURN_DEGREES = 3.0
_GROWTH = 0.03


def disturbed(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture softer, noisier, of other colours or compressed, each now and then."""
    changed = np.asarray(picture)
    if rng.random() < 0.5:
        changed = blurred(changed, rng.uniform(0.3, 1.0))
    if rng.random() < 0.3:
        changed = noisy(changed, rng, rng.uniform(1, 5), int(rng.integers(24, 96)))
    if rng.random() < 0.5:
        gains = 1 + rng.normal(0, 0.025) + rng.normal(0, 0.012, 3)
        changed = np.clip(changed * gains + rng.normal(0, 2.5), 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        changed = compressed(changed, int(rng.integers(55, 95)))
    return changed


def shaken(picture: Picture, keypoints: Floats, rng: np.random.Generator) -> tuple[Picture, Floats]:
    """Return the picture turned and shifted a little, with keypoints [5, 2] that go along."""
    side_px = picture.shape[0]
    middle = (side_px / 2, side_px / 2)
    matrix = turn(middle, rng.uniform(-1, 1) * _TURN_DEGREES, 1 + rng.uniform(-1, 1) * _GROWTH)
    matrix[:, 2] += rng.uniform(-1, 1, 2) * _SHIFT_PX
    gone_along = keypoints @ matrix[:, :2].T + matrix[:, 2]
    return moved(np.asarray(picture), matrix, side_px, fill=None), gone_along.astype(np.float32)


def misplaced(keypoints: Floats, rng: np.random.Generator) -> Floats:
    """Return keypoints [5, 2] as inexact as those that are found in a picture."""
    eyes_px = float(np.hypot(*(keypoints[1] - keypoints[0])))
    return keypoints + rng.normal(0, _KEYPOINT_SPREAD * eyes_px, keypoints.shape)
