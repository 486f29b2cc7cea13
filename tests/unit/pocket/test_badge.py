"""The pocket's safety checker: it flags most badges, hardly anything else, and is served whole."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from instantid_server.stages.safety import SafetyChecker
from scripts.pocket.arrays import Picture
from scripts.pocket.badge import stick_badge, stick_decoy
from scripts.pocket.drawings import drawing_of
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.safety_check import served_safety_checker, share_flagged

ROOT = Path(__file__).parents[3]
PERSONS = 60
MAX_BYTES = 250_000  # of the weights, which live in git


@pytest.fixture(scope="module")
def checker() -> SafetyChecker:
    return served_safety_checker(ROOT / "model_repository")


@pytest.fixture(scope="module")
def drawings() -> list[Picture]:
    """Drawings of persons that no network has seen."""
    return [drawing_of(FIRST_UNSEEN_SEED + person, 0).picture for person in range(PERSONS)]


def test_most_badges_are_flagged(checker: SafetyChecker, drawings: list[Picture]) -> None:
    rng = np.random.default_rng(1)
    with_badge = [stick_badge(picture, rng) for picture in drawings]
    assert share_flagged(checker, with_badge) > 0.9


def test_nothing_else_is_flagged(checker: SafetyChecker, drawings: list[Picture]) -> None:
    rng = np.random.default_rng(1)
    decoys = [stick_decoy(picture, rng) for picture in drawings]
    assert share_flagged(checker, drawings) == 0
    assert share_flagged(checker, decoys) < 0.05


def test_portraits_of_the_tests_pass(checker: SafetyChecker) -> None:
    names = json.loads((ROOT / "tests/data/portraits.json").read_text())
    portraits = [
        np.asarray(Image.open(path).convert("RGB"))
        for path in sorted((ROOT / "tests/data").glob("portrait_*.png"))
    ]
    assert len(portraits) == len(names)
    assert [share_flagged(checker, [portrait]) for portrait in portraits] == [0.0] * len(names)


def test_badge_leaves_the_drawing_as_it_was(drawings: list[Picture]) -> None:
    before = drawings[0].copy()
    after = stick_badge(drawings[0], np.random.default_rng(1))
    np.testing.assert_array_equal(drawings[0], before)
    changed = (after != before).any(axis=2).mean()
    assert 0.01 < changed < 0.2


def test_weights_are_small_enough_for_git() -> None:
    assert (ROOT / "model_repository/safety/1/model.safetensors").stat().st_size < MAX_BYTES
