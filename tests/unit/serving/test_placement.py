"""Which models a server has when some of its stages are elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from instantid_server.contract import MODELS
from instantid_server.remote import REMOTE_STAGES
from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.placement import absent_models, check_placement

OPTIONS = replace(ServeOptions(Path(), Path(), Path(), Path()), stage_key_path=Path("stage.key"))


def test_server_with_all_its_stages_has_every_model() -> None:
    assert absent_models((), {}) == frozenset()


def test_models_that_only_a_remote_stage_would_call_are_left_out() -> None:
    assert absent_models((), {"face_analysis": "stages:8001", "safety": "stages:8001"}) == {
        "face_detector",
        "face_embedder",
    }


def test_server_of_some_stages_has_what_they_call_and_no_more() -> None:
    absent = absent_models(("face_analysis", "safety"), {})
    present = {"face_analysis", "face_detector", "face_embedder", "safety"}
    assert MODELS.keys() - absent == present


def test_every_remote_stage_may_be_here_or_there() -> None:
    check_placement(replace(OPTIONS, only_stages=REMOTE_STAGES))
    check_placement(replace(OPTIONS, remote_stages=dict.fromkeys(REMOTE_STAGES, "stages:8001")))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (replace(OPTIONS, only_stages=("unet",)), "only: expected face_analysis"),
        (replace(OPTIONS, remote_stages={"unet": "a:1"}), "remote: expected face_analysis"),
        (replace(OPTIONS, remote_stages={"safety": "a"}), "expected safety=host:port, got 'a'"),
        (replace(OPTIONS, remote_stages={"safety": "a:b"}), "expected safety=host:port"),
        (replace(OPTIONS, only_stages=("safety",), stage_key_path=None), "needs stage_key"),
        (
            replace(OPTIONS, only_stages=("safety",), remote_stages={"safety": "a:1"}),
            "safety cannot be here alone and elsewhere",
        ),
    ],
)
def test_placement_that_makes_no_sense_is_refused(options: ServeOptions, words: str) -> None:
    with pytest.raises(ServingFailure, match=words) as refused:
        check_placement(options)
    assert str(refused.value).startswith("[PLACEMENT_REFUSED]")
