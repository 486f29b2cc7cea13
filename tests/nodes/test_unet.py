"""The UNet node: a step's rows in, their noise out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import triton_python_backend_utils as pb_utils
from batches import answers, leaks, log_text, stage_inputs
from bls import serve_error, serve_node


def asking(seed: int) -> dict[str, Any]:
    """Return a request that leaves it to the node to ask IdentityNet."""
    scale = np.full((1, 1), 0.8, np.float32)
    return {**stage_inputs("unet", seed), "controlnet_conditioning_scale": scale}


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("unet")


def test_requests_of_one_shape_share_a_forward_and_others_do_not(node: Any) -> None:
    longer = stage_inputs("unet", 3)
    longer["prompt_embeds"] = np.ones((1, 154, 24), np.float32)
    batch = [stage_inputs("unet", 1), longer, stage_inputs("unet", 2)]
    assert [int(answer["batch_requests"][0, 0]) for answer in answers(node, batch)] == [2, 1, 2]


def test_residuals_of_identitynet_change_the_noise(node: Any, load_node: Any) -> None:
    (control,) = answers(load_node("identitynet"), [stage_inputs("identitynet", 1)])
    alone = stage_inputs("unet", 1)
    steered = {**alone, "residuals": control["residuals"]}
    first, second = (answer["noise_pred"] for answer in answers(node, [alone, steered]))
    assert np.abs(first - second).max() > 1e-3


def test_rows_without_residuals_ask_identitynet_once_for_the_batch(
    node: Any, load_node: Any
) -> None:
    serve_node("identitynet", load_node("identitynet"))
    (control,) = answers(load_node("identitynet"), [asking(1)])
    batch = [asking(1), stage_inputs("unet", 2), asking(3)]
    asked, left_out, _ = answers(node, batch)
    (given,) = answers(node, [{**asking(1), "residuals": control["residuals"]}])
    np.testing.assert_allclose(asked["noise_pred"], given["noise_pred"], atol=1e-5)
    (alone,) = answers(node, [stage_inputs("unet", 2)])
    np.testing.assert_allclose(left_out["noise_pred"], alone["noise_pred"], atol=1e-5)
    assert [int(answer["identitynet_batch_requests"][0, 0]) for answer in (asked, alone)] == [3, 0]


def test_error_of_identitynet_is_the_answer_to_those_who_asked(node: Any) -> None:
    serve_error("identitynet", "loading", pb_utils.TritonError.UNAVAILABLE)
    (answer,) = answers(node, [asking(1)])
    assert answer.startswith("[MODEL_NOT_READY] the stage identitynet is not ready")


def test_residuals_of_another_size_are_refused(node: Any) -> None:
    inputs = {**stage_inputs("unet", 1), "residuals": np.ones((1, 7), np.float32)}
    error, good = answers(node, [inputs, stage_inputs("unet", 2)])
    assert error.startswith("[INVALID_INPUT] residuals: expected ")
    assert good["noise_pred"].shape == (1, 4, 8, 8)


def test_network_that_breaks_on_a_request_breaks_no_other(node: Any) -> None:
    guilty = stage_inputs("unet", 1)
    guilty["pooled_prompt_embeds"] = np.ones((1, 5), np.float32)  # checked by the network alone
    first, error, last = answers(node, [stage_inputs("unet", 2), guilty, stage_inputs("unet", 3)])
    assert error == "[INTERNAL] unet met an unforeseen error"
    assert first["noise_pred"].shape == last["noise_pred"].shape
    assert leaks(log_text()) == []


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        pytest.param("prompt_embeds", (77, 10), id="text-of-other-weights"),
        pytest.param("identity_tokens", (15, 24), id="too-few-tokens"),
        pytest.param("latents", (4, 8), id="no-picture"),
    ],
)
def test_shape_that_does_not_fit_the_weights_is_refused(
    node: Any, name: str, dims: tuple[int, ...]
) -> None:
    inputs = {**stage_inputs("unet", 1), name: np.ones((1, *dims), np.float32)}
    (answer,) = answers(node, [inputs])
    assert answer.startswith(f"[INVALID_INPUT] {name}: expected the shape (")
