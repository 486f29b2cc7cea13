"""What becomes of a server's answers and refusals."""

import numpy as np
import pytest

from instantid_client import Client, Internal, SeveralFaces
from scripts.evaluate.album import ask_server
from scripts.evaluate.cases import Dials, cases_of, unseen_persons
from scripts.pocket.captions import full_caption
from tests.client.answers import result
from tests.client.fake_transport import FakeTransport, Script

CASES = cases_of(unseen_persons(2), seed=3, dials=Dials(ip_adapter_scale=0.4))


def client(script: Script) -> Client:
    return Client(transport=FakeTransport(script))


def test_case_is_asked_for_once_with_its_prompt_pose_and_dials() -> None:
    script = Script(answers=[result()])
    album = ask_server(client(script), [CASES[0], CASES[0]], steps=9)
    ((_, inputs, _),) = script.requests
    assert inputs["prompt"][0].decode() == full_caption(CASES[0].scene)
    assert np.array_equal(inputs["face_keypoints"], CASES[0].truth.keypoints)
    told = [inputs[name][0] for name in ("seed", "num_inference_steps", "ip_adapter_scale")]
    assert told == pytest.approx([3, 9, 0.4])
    assert [picture.shape for picture in album.pictures.values()] == [(16, 24, 3)]


def test_refusal_of_one_drawing_is_kept_by_its_code() -> None:
    album = ask_server(client(Script([result()], failures=[SeveralFaces("two")])), CASES)
    assert list(album.refusals.values()) == ["SEVERAL_FACES"]
    assert sorted(picture is None for picture in album.pictures_of(CASES)) == [False, True]


def test_error_that_no_drawing_causes_ends_the_evaluation() -> None:
    with pytest.raises(Internal):
        ask_server(client(Script([Internal("broken")])), CASES)
