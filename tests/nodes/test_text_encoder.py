"""The text encoder node: prompts in, embeddings out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import answers, texts

WORDS_A_CHUNK = 75


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("text_encoder")


def test_requests_of_different_lengths_share_a_batch(node: Any) -> None:
    short, long = answers(
        node, [{"prompt": texts(["a portrait"])}, {"prompt": texts(["x" * (WORDS_A_CHUNK + 1)])}]
    )
    assert short["prompt_embeds"].shape == (1, 77, 24)
    assert long["prompt_embeds"].shape == (1, 154, 24)


def test_prompts_of_one_request_come_out_equally_long(node: Any) -> None:
    (answer,) = answers(node, [{"prompt": texts(["", "x" * (WORDS_A_CHUNK + 1)])}])
    assert answer["prompt_embeds"].shape == (2, 154, 24)
    assert answer["pooled_prompt_embeds"].shape == (2, 16)


def test_too_long_prompt_leaves_its_neighbour_alone(node: Any) -> None:
    error, good = answers(node, [{"prompt": texts(["x" * 301])}, {"prompt": texts(["a portrait"])}])
    assert error == "[INVALID_INPUT] prompt: expected at most 300 tokens, got 301"
    np.testing.assert_allclose(
        good["prompt_embeds"],
        answers(node, [{"prompt": texts(["a portrait"])}])[0]["prompt_embeds"],
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        pytest.param(b"\xff", "prompt: expected UTF-8 text", id="not-utf-8"),
        pytest.param(
            b"x" * 1_000_000, "prompt: expected at most 8192 bytes, got 1000000", id="one-megabyte"
        ),
    ],
)
def test_unreadable_prompt_is_refused(node: Any, prompt: bytes, message: str) -> None:
    assert answers(node, [{"prompt": texts([prompt])}]) == [f"[INVALID_INPUT] {message}"]
