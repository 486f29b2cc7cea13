"""The judge as shipped: right about persons it never saw, and small enough for git."""

import numpy as np
import pytest

from scripts.judge.attributes import ATTRIBUTES
from scripts.judge.check import check_judge
from scripts.judge.judge import WEIGHTS, Judge
from scripts.pocket.drawings import drawing_of
from scripts.pocket.person import FIRST_UNSEEN_SEED

MAX_BYTES = 4_000_000
PERSONS = 60


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.fixture(scope="module")
def figures(judge: Judge) -> dict[str, float]:
    return check_judge(judge, PERSONS)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_attribute_is_read_rightly(figures: dict[str, float], name: str) -> None:
    assert figures[f"accuracy_{name}"] >= 0.8  # garments: some heads leave little of them to see


def test_a_person_is_known_again_in_another_scene(figures: dict[str, float]) -> None:
    assert figures["true_accept_at_1_percent"] >= 0.9
    assert figures["same_cosine"] > figures["different_cosine"] + 0.4


def test_keypoints_lie_where_they_were_drawn(figures: dict[str, float]) -> None:
    assert figures["keypoint_error"] <= 0.025


def test_a_worse_picture_is_read_nearly_as_well(figures: dict[str, float]) -> None:
    assert figures["disturbed_accuracy"] >= figures["accuracy"] - 0.05
    assert figures["disturbed_keypoint_error"] <= figures["keypoint_error"] + 0.02


def test_a_picture_is_judged_alike_alone_and_among_others(judge: Judge) -> None:
    portraits = [drawing_of(FIRST_UNSEEN_SEED + person, 0) for person in range(3)]
    pictures = np.stack([portrait.picture for portrait in portraits])
    keypoints = np.stack([portrait.keypoints for portrait in portraits])
    together = judge.embed(pictures, keypoints)
    np.testing.assert_allclose(together[2:], judge.embed(pictures[2:], keypoints[2:]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        judge.keypoints(pictures)[2:], judge.keypoints(pictures[2:]), atol=1e-3
    )
    assert {name: [read[2]] for name, read in judge.attributes(pictures).items()} == (
        judge.attributes(pictures[2:])
    )


def test_weights_are_small_enough_for_git() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.onnx")) < MAX_BYTES
