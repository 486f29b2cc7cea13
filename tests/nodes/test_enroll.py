"""The public node `enroll`: a photo in, a sealed face out, and nothing of it anywhere else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import red_squares
from batches import log_text
from bls import serve_chain
from public_requests import SQUARE, last_answer, picture_request
from senders import WITHOUT_CONSENT

from instantid_server.contract import ENROLL
from instantid_server.trust.policy import POLICY_VARIABLE, SafetyPolicy

LoadNode = Callable[[str], Any]


@pytest.fixture(autouse=True)
def _policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's consent is asked for, and nobody looks at pictures."""
    policy = replace(WITHOUT_CONSENT, safety=SafetyPolicy(checker="none"))
    monkeypatch.setenv(POLICY_VARIABLE, policy.to_json())


@pytest.fixture
def node(load_node: LoadNode) -> Any:
    serve_chain(load_node)
    return load_node("enroll")


def photo_of(*squares: tuple[int, int, int]) -> dict[str, Any]:
    return {"face_image": np.array([red_squares.png(list(squares))], dtype=np.object_)}


def test_answer_has_the_results_of_the_contract_and_its_shapes(node: Any) -> None:
    answer = last_answer(node, photo_of(SQUARE))
    assert {name: array.shape for name, array in answer.items()} == {
        spec.name: spec.dims for spec in ENROLL.outputs
    }


def test_card_of_the_node_is_drawn_by_the_generating_one(load_node: LoadNode) -> None:
    serve_chain(load_node)
    card = last_answer(load_node("enroll"), photo_of(SQUARE))["face_card"][0]
    request = picture_request(face_card=card)
    del request["face_image"]
    assert len(last_answer(load_node("instantid"), request)["image"]) == 1


def test_face_is_in_no_log(node: Any) -> None:
    answer = last_answer(node, photo_of(SQUARE))
    assert "OK" in log_text()
    for name in ("face_card", "face_template"):
        assert answer[name][0].decode()[:16] not in log_text()


def test_what_cannot_be_enrolled_is_said(node: Any) -> None:
    assert last_answer(node, photo_of()).startswith("[FACE_NOT_FOUND] face_image: expected a face")
