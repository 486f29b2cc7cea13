"""`make chaos` in short: a stage and an orchestrator killed under load, cancels, and SIGTERM."""

import pytest

from scripts.chaos.act import play
from scripts.chaos.faults import cancels, stub_kills
from scripts.known_keys import known_mark
from scripts.steady.pictures import known_pictures
from tests.e2e.server import MODEL_REPOSITORY
from tests.reference import ReferencePipeline

pytestmark = [pytest.mark.triton, pytest.mark.timeout(600)]  # two starts of the real models

STEPS = 4
CANCELS = 40
SEED = 3


def test_every_request_ends_in_a_right_picture_or_a_typed_error() -> None:
    pipeline = ReferencePipeline(MODEL_REPOSITORY, num_threads=1)
    pictures = known_pictures(pipeline, STEPS, known_mark())
    kill_stage, kill_orchestrator = stub_kills(("unet", "instantid"))
    given_up = cancels(pictures[0].request, CANCELS, SEED)
    act = play((given_up, kill_stage, kill_orchestrator), pictures)
    assert act.wrongs == ()
    assert act.endings["right picture"] > 0
    assert all(aftermath.served_after_s is not None for aftermath in act.aftermaths)
    of_kills = act.aftermaths[1:]
    assert all(aftermath.unready_after_s is not None for aftermath in of_kills)
