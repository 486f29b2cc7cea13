"""The IdentityNet node: latents, face and five points in, packed residuals out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import answers, leaks, log_text, stage_inputs


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("identitynet")


def test_requests_at_different_steps_share_one_forward(node: Any) -> None:
    batch = [stage_inputs("identitynet", seed) for seed in (1, 2, 3)]
    assert [int(answer["batch_requests"][0, 0]) for answer in answers(node, batch)] == [3, 3, 3]


def test_scale_of_zero_gives_residuals_of_zero_to_its_row_alone(node: Any) -> None:
    silent, loud = stage_inputs("identitynet", 1), stage_inputs("identitynet", 2)
    silent["controlnet_conditioning_scale"] = np.zeros((1, 1), np.float32)
    of_silent, of_loud = (answer["residuals"] for answer in answers(node, [silent, loud]))
    assert not of_silent.any()
    assert of_loud.any()


def test_points_decide_the_residuals(node: Any) -> None:
    here, there = stage_inputs("identitynet", 1), stage_inputs("identitynet", 1)
    there["face_keypoints"] = there["face_keypoints"] + 12
    first, second = (answer["residuals"] for answer in answers(node, [here, there]))
    assert np.abs(first - second).max() > 1e-4


def test_network_that_breaks_on_a_request_breaks_no_other(node: Any) -> None:
    guilty = stage_inputs("identitynet", 1)
    guilty["pooled_prompt_embeds"] = np.ones((1, 5), np.float32)  # checked by the network alone
    error, good = answers(node, [guilty, stage_inputs("identitynet", 2)])
    assert error == "[INTERNAL] identitynet met an unforeseen error"
    assert good["residuals"].any()
    assert leaks(log_text()) == []


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        pytest.param("identity_tokens", (4, 24), id="too-few-tokens"),
        pytest.param("identity_tokens", (16, 7), id="tokens-too-narrow"),
        pytest.param("face_keypoints", (1, 4, 2), id="four-points"),
        pytest.param("latents", (9, 8, 8), id="other-channels"),
    ],
)
def test_shape_that_does_not_fit_the_weights_is_refused(
    node: Any, name: str, dims: tuple[int, ...]
) -> None:
    inputs = {**stage_inputs("identitynet", 1), name: np.ones((1, *dims), np.float32)}
    (answer,) = answers(node, [inputs])
    assert answer.startswith(f"[INVALID_INPUT] {name}: expected the shape (")
