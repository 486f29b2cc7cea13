"""Tensors become pictures and events; an answer of another shape is a typed error."""

from pathlib import Path

import numpy as np
import pytest

from instantid_client import Generation, Preview, Progress, UnexpectedAnswer
from instantid_client._requests import Tensors
from instantid_client._results import event_of, generation_of
from tests.client.answers import preview, progress, result, texts


def without(tensors: Tensors, name: str) -> Tensors:
    return {key: value for key, value in tensors.items() if key != name}


def test_every_picture_comes_with_its_seed_and_identity() -> None:
    first, last = generation_of(result(2, seed=40), "r1").pictures
    assert (first.seed, first.identity_similarity, first.face_bbox) == (40, 0.75, (2, 2, 2, 2))
    assert (last.seed, last.identity_similarity, last.face_bbox) == (41, None, None)
    assert (first.identity_note, last.identity_note) == ("", "no face was found")


def test_points_of_the_face_can_be_sent_again() -> None:
    (points,) = generation_of(result(), "r1").face_keypoints
    assert points == ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))


def test_timings_are_numbers_by_name() -> None:
    assert generation_of(result(), "r1").timings == {"total_ms": 12.5, "steps": 4}


def test_generation_knows_its_request() -> None:
    assert generation_of(result(), "r1").request_id == "r1"


def test_picture_is_decoded_when_it_is_looked_at() -> None:
    (picture,) = generation_of(result(), "r1").pictures
    assert picture.image.getpixel((0, 0)) == (255, 0, 0)
    assert picture.image is picture.image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_picture_knows_how_it_is_encoded(kind: str) -> None:
    assert generation_of(result(kind=kind), "r1").pictures[0].output_format == kind.lower()


def test_saved_file_is_what_the_server_sent(tmp_path: Path) -> None:
    (picture,) = generation_of(result(), "r1").pictures
    picture.save(tmp_path / "result.png")
    assert (tmp_path / "result.png").read_bytes() == picture.encoded


def test_repr_of_a_picture_holds_no_bytes() -> None:
    assert "encoded" not in repr(generation_of(result(), "r1"))


def test_events_tell_progress_previews_and_the_result() -> None:
    assert event_of(progress(2, 8), "r1") == Progress(2, 8)
    shown = event_of(preview(3, 8), "r1")
    assert isinstance(shown, Preview)
    assert (shown.step, shown.num_inference_steps, shown.images[0].size) == (3, 8, (24, 16))
    assert isinstance(event_of(result(), "r1"), Generation)


@pytest.mark.parametrize("name", [name for name in result() if name != "event"])
def test_output_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=rf"expected an output {name}"):
        generation_of(without(result(), name), "r1")


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param({**result(), "seed": np.arange(3)}, id="more-seeds-than-pictures"),
        pytest.param({**result(), "timings": texts(b"soon")}, id="timings-not-json"),
        pytest.param({**result(), "timings": texts(b"[1]")}, id="timings-not-an-object"),
        pytest.param({**result(), "timings": texts()}, id="no-timings"),
        pytest.param({**result(), "event": texts(b"news")}, id="unknown-event"),
        pytest.param(without(result(), "event"), id="no-event"),
    ],
)
def test_answer_of_another_shape_is_a_typed_error(outputs: Tensors) -> None:
    with pytest.raises(UnexpectedAnswer):
        event_of(outputs, "r1")
