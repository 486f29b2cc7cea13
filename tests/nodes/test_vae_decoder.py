"""The VAE decoder node: latents in, RGB pictures out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import answers, stage_inputs


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("vae_decoder")


def test_pictures_of_different_sizes_share_a_batch(node: Any) -> None:
    wide = {"latents": np.ones((1, 4, 8, 12), np.float32)}
    first, second = answers(node, [wide, stage_inputs("vae_decoder", 1)])
    assert (first["image"].shape, second["image"].shape) == ((1, 64, 96, 3), (1, 64, 64, 3))


def test_latents_of_other_weights_are_refused(node: Any) -> None:
    (answer,) = answers(node, [{"latents": np.ones((1, 16, 8, 8), np.float32)}])
    assert answer == "[INVALID_INPUT] latents: expected the shape (4, any, any), got (16, 8, 8)"
