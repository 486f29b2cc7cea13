"""The perceptual hash: what it calls the same picture."""

import numpy as np
import pytest

from instantid_server.trust.marks.perceptual_hash import (
    SAME_PICTURE_AT_MOST,
    distance,
    is_same_picture,
    perceptual_hash,
)
from scripts.provenance.edits import EDITS, Edit
from scripts.provenance.pictures import drawings, texture

PICTURES = [*drawings(3), texture(np.random.default_rng(1), 200, 300)]


@pytest.mark.parametrize("edit", [pytest.param(edit, id=name) for name, edit in EDITS.items()])
def test_an_edited_picture_is_the_same(edit: Edit) -> None:
    for picture in PICTURES:
        assert is_same_picture(perceptual_hash(picture), perceptual_hash(edit(picture)))


def test_another_picture_is_another() -> None:
    first, *others = map(perceptual_hash, PICTURES)
    assert not any(is_same_picture(first, other) for other in others)


def test_a_picture_of_one_colour_has_a_hash() -> None:
    assert len(perceptual_hash(np.full((64, 64, 3), 200, np.uint8))) == 64


def test_the_distance_is_the_share_of_bits_that_differ() -> None:
    assert distance("f0", "0f") == pytest.approx(8 / 255)
    assert distance("ab" * 32, "ab" * 32) == 0 < SAME_PICTURE_AT_MOST
