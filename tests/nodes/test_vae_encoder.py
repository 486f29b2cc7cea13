"""The VAE encoder node: RGB pictures in, latents out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import answers, stage_inputs


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("vae_encoder")


def test_same_picture_gives_the_same_latents_twice(node: Any) -> None:
    first, second = answers(node, [stage_inputs("vae_encoder", 1)] * 2)
    np.testing.assert_array_equal(first["latents"], second["latents"])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        pytest.param(
            (1, 60, 64, 3),
            "image: expected sides that are multiples of 8, got 60x64",
            id="height-not-a-multiple",
        ),
        pytest.param(
            (1, 64, 60, 3),
            "image: expected sides that are multiples of 8, got 64x60",
            id="width-not-a-multiple",
        ),
        pytest.param(
            (1, 64, 64, 4), "image: expected the shape (any, any, 3), got (64, 64, 4)", id="rgba"
        ),
    ],
)
def test_picture_that_does_not_fit_is_refused(
    node: Any, shape: tuple[int, ...], message: str
) -> None:
    assert answers(node, [{"image": np.ones(shape, np.uint8)}]) == [f"[INVALID_INPUT] {message}"]
