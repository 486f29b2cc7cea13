"""The safety node: one answer a picture, whoever else is in the batch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import answers, stage_inputs


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("safety")


def test_pictures_of_different_sizes_share_a_batch(node: Any) -> None:
    wide = {"image": np.zeros((2, 64, 96, 3), np.uint8)}
    first, second = answers(node, [wide, stage_inputs("safety", 1)])
    assert (first["flagged"].shape, second["flagged"].shape) == ((2, 1), (1, 1))
    assert first["checker"].shape == (2, 1)
    assert first["checker"][0, 0].startswith(b"clip sha256:")


def test_picture_that_cannot_be_judged_is_refused_alone(node: Any) -> None:
    grey = {"image": np.zeros((1, 64, 64, 1), np.uint8)}
    empty = {"image": np.zeros((1, 0, 64, 3), np.uint8)}
    good, no_colours, no_pixels = answers(node, [stage_inputs("safety", 1), grey, empty])
    assert good["flagged"].dtype == np.int32
    assert no_colours == "[INVALID_INPUT] image: expected the shape (any, any, 3), got (64, 64, 1)"
    assert no_pixels == "[INVALID_INPUT] image: expected sides of at most 32:1, got 0x64"
