"""The resampler node: embeddings in, identity tokens out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from batches import answers, stage_inputs


@pytest.fixture
def node(load_node: Callable[[str], Any]) -> Any:
    return load_node("id_resampler")


def test_rows_of_all_requests_come_back_to_theirs(node: Any) -> None:
    batch = [stage_inputs("id_resampler", seed, rows) for seed, rows in ((1, 2), (2, 1))]
    shapes = [answer["identity_tokens"].shape for answer in answers(node, batch)]
    assert shapes == [(2, 16, 24), (1, 16, 24)]


def test_embedding_is_read_raw_and_not_normalised(node: Any) -> None:
    embedding = stage_inputs("id_resampler", 1)["face_embedding"]
    normalised = embedding / np.linalg.norm(embedding)
    batch = [{"face_embedding": embedding}, {"face_embedding": normalised}]
    first, second = (answer["identity_tokens"] for answer in answers(node, batch))
    assert np.abs(first - second).max() > 1e-3


def test_embedding_of_another_length_is_refused(node: Any) -> None:
    (answer,) = answers(node, [{"face_embedding": np.ones((1, 128), np.float32)}])
    assert answer == "[INVALID_INPUT] face_embedding: expected the shape (512), got (128,)"
