"""`make soak` in short: a steady load, its pictures and the server's memory."""

import pytest

from scripts.soak import Server, soak
from scripts.steady.pictures import known_pictures
from tests.e2e.server import MODEL_REPOSITORY, RunningServer
from tests.reference import ReferencePipeline

pytestmark = pytest.mark.triton

SECONDS = 20.0
STEPS = 4
# An hour's limits would be broken by the buffers of the first requests, and by a busy machine.
MEMORY_GROWTH = 0.2
LATENCY_GROWTH = 2.0


def test_every_picture_is_right_and_memory_stays(server: RunningServer) -> None:
    pictures = known_pictures(ReferencePipeline(MODEL_REPOSITORY, num_threads=1), STEPS, mark=None)
    target = Server(server.grpc_url, server.http_url, server.process.pid)
    result = soak(target, pictures, SECONDS, judge_every=1)
    assert result.wrongs(MEMORY_GROWTH, LATENCY_GROWTH) == []
    assert {one.way for one in result.ended} == {"gRPC", "HTTP", "stream"}
    assert {"entry", "triton", "unet", "/dev/shm"} <= result.memory_growth.keys()
