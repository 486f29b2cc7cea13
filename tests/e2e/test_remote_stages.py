"""Stages that live on another server: one that draws asks, over gRPC, one that has them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from instantid_client import Client, FaceNotFound, ModelNotReady
from instantid_server.contract import MODELS
from instantid_server.remote import REMOTE_STAGES
from scripts.consent.door_attacks import stage_request
from scripts.control_port import ask, is_ready
from scripts.fuzz.raw_request import RawSender
from scripts.psnr import psnr_db
from scripts.triton_metrics import read_counters
from tests.e2e.cable import Cable
from tests.e2e.light_repository import write_light_repositories
from tests.e2e.patience import wait_until
from tests.e2e.photos import NO_FACE, PORTRAIT
from tests.e2e.server import LENIENT, RunningServer, running_server

pytestmark = [pytest.mark.triton, pytest.mark.timeout(180)]

SAME_DB = 60.0  # rounding of the last bit at most
BACK_S = 60.0  # on a machine that does much else
STEPS = 4


@pytest.fixture(scope="module")
def cable(server: RunningServer) -> Iterator[Cable]:
    with Cable(server.grpc_url) as laid:
        yield laid


@pytest.fixture(scope="module")
def asking(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose remote stages are all at the session's server."""
    remote = dict.fromkeys(REMOTE_STAGES, cable.address)
    folder = tmp_path_factory.mktemp("asking")
    with running_server(folder, policy=LENIENT, remote=remote) as running:
        yield running


def draw(server: RunningServer, photo: Path = PORTRAIT) -> NDArray[np.uint8]:
    with Client(server.grpc_url, timeout_s=BACK_S) as client:
        drawn = client.generate(
            prompt="a portrait of a person in a garden",
            face_image=photo,
            num_inference_steps=STEPS,
            seed=3,
        )
    return np.asarray(drawn.pictures[0].image)


def requests_by_stage(server: RunningServer) -> dict[str, int]:
    return {stage: read_counters(server.metrics_url, stage).requests for stage in REMOTE_STAGES}


def test_picture_is_the_same_wherever_its_stages_are(
    server: RunningServer, asking: RunningServer
) -> None:
    wanted = draw(server)
    before = requests_by_stage(server)
    assert psnr_db(draw(asking), wanted) >= SAME_DB
    after = requests_by_stage(server)
    assert [stage for stage in REMOTE_STAGES if after[stage] == before[stage]] == []


def test_models_that_nobody_here_calls_are_not_loaded(asking: RunningServer) -> None:
    models = ask(asking.control_url, "/status")[1]["models"]
    assert MODELS.keys() - models.keys() == {"face_detector", "face_embedder"}


def test_refusal_of_a_remote_stage_reaches_the_caller(asking: RunningServer) -> None:
    with pytest.raises(FaceNotFound):
        draw(asking, NO_FACE)


def test_stages_refuse_who_lacks_the_key(cable: Cable, server: RunningServer) -> None:
    sender = RawSender(cable.address, server.http_url)
    answers = [sender.send("grpc", stage_request(MODELS[name], {})) for name in REMOTE_STAGES]
    sender.close()
    assert all(answer.message.startswith("[NOT_PUBLIC]") for answer in answers)


def test_lost_server_is_told_with_a_hint_and_found_again(
    cable: Cable, asking: RunningServer
) -> None:
    cable.cut()
    try:
        with pytest.raises(ModelNotReady, match=r"face_analysis is not ready; try again in \d+ s"):
            draw(asking)
        assert ask(asking.control_url, "/ready")[0] == 503
        models = ask(asking.control_url, "/status")[1]["models"]
        assert {name for name, state in models.items() if state != "READY"} == set(REMOTE_STAGES)
    finally:
        cable.mend()
    wait_until(lambda: is_ready(asking.control_url), BACK_S, "the stages are found again")
    assert draw(asking).any()


def test_server_of_some_stages_loads_them_and_no_more(tmp_path: Path) -> None:
    models, ensembles = write_light_repositories(tmp_path)
    only = ("face_analysis", "credentials")
    with running_server(tmp_path, models, ensembles, only=only) as server:
        assert is_ready(server.control_url)
        present = {"face_analysis", "face_detector", "face_embedder", "credentials"}
        assert ask(server.control_url, "/status")[1]["models"] == dict.fromkeys(present, "READY")
        assert server.stop() == 0
    assert "could not be unloaded" not in server.complaint()
