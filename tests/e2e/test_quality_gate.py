"""The quality gate: what the server draws of unseen persons stays above stated floors."""

from collections.abc import Iterator

import pytest

from instantid_client import Client
from scripts.evaluate.album import patient_client
from scripts.evaluate.gate import NO_FACE, figures_of_server, missed_floors
from tests.e2e.server import RunningServer

pytestmark = pytest.mark.triton


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with patient_client(server.grpc_url) as opened:
        yield opened


def test_identity_prompt_and_pose_stay_above_their_floors(client) -> None:
    assert missed_floors(figures_of_server(client)) == []


def test_server_that_ignores_the_face_falls_through(client) -> None:
    missed = missed_floors(figures_of_server(client, NO_FACE, persons=6))
    assert {floor.figure for floor in missed} >= {"identity_ratio", "pose_error"}
