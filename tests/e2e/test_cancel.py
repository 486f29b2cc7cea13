"""A caller who goes away: the work stops within a step."""

import time

import pytest

from instantid_client import Client, InstantIDError
from scripts.triton_metrics import read_counters
from tests.e2e.patience import wait_until
from tests.e2e.photos import PORTRAIT
from tests.e2e.server import RunningServer

pytestmark = pytest.mark.triton

STEPS = 150
LONGER_THAN_A_STEP_S = 1.0  # of the pocket weights, on a busy machine


def steps_done(server: RunningServer) -> int:
    return read_counters(server.metrics_url, "unet").requests


def test_abandoned_stream_stops_within_a_step(server: RunningServer) -> None:
    before = steps_done(server)
    with Client(server.grpc_url, timeout_s=60) as client:
        events = client.stream(prompt="a portrait", face_image=PORTRAIT, num_inference_steps=STEPS)
        for event in events:
            if event.step == 3:
                break
        events.close()
    wait_until(lambda: _stands_still(server), 20, "no more steps are done")
    assert steps_done(server) - before < STEPS // 2


def test_deadline_of_the_client_stops_the_work(server: RunningServer) -> None:
    before = steps_done(server)
    with Client(server.grpc_url, timeout_s=1.0) as client, pytest.raises(InstantIDError):
        client.generate(prompt="a portrait", face_image=PORTRAIT, num_inference_steps=STEPS)
    wait_until(lambda: _stands_still(server), 20, "no more steps are done")
    assert steps_done(server) - before < STEPS


def _stands_still(server: RunningServer) -> bool:
    """Return whether no step is done in a time in which one would be: that is what is tested."""
    first = steps_done(server)
    time.sleep(LONGER_THAN_A_STEP_S)
    return steps_done(server) == first
