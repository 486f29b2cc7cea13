"""locust with our locustfile, on a server that answers at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
import pytest
from tritonclient.grpc import service_pb2_grpc

from scripts.load.callers import Calls, make_calls
from scripts.load.records import ANSWERED
from tests.client.triton_stub import TritonStub, running_stub

SECONDS = 2
CROWD = 60  # more than may run and wait on a server of the default profile
KEPT_WAITING_S = 3.0  # long enough to tell it from the start of a crowd


@pytest.mark.parametrize(
    ("user", "options", "least", "most"),
    [
        pytest.param("GrpcPoisson", {"rate": 10.0}, 5, 40, id="poisson"),
        pytest.param("GrpcClosedLoop", {"clients": 2}, 3, 100_000, id="closed-loop"),
    ],
)
def test_every_request_of_a_run_is_written_down(
    user: str, options: dict[str, float], least: int, most: int
) -> None:
    with running_stub() as (_, url):
        records = make_calls(Calls(url, user, SECONDS, **options))
    assert least <= len(records) <= most
    assert {record.outcome for record in records} == {ANSWERED}
    assert all(record.scheduled_s <= record.sent_s <= record.ended_s for record in records)


class Unfair(TritonStub):
    """Answers the last comer at once and keeps all others waiting."""

    def __init__(self) -> None:
        super().__init__()
        self._comers = count(1)

    def ModelInfer(self, request: Any, context: Any) -> Any:
        if next(self._comers) < CROWD:
            time.sleep(KEPT_WAITING_S)
        return super().ModelInfer(request, context)


def test_answer_is_seen_while_many_others_are_waited_for() -> None:
    server = grpc.server(ThreadPoolExecutor(CROWD))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Unfair(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        first, *others = make_calls(Calls(f"127.0.0.1:{port}", "GrpcPoisson", SECONDS, burst=CROWD))
    finally:
        server.stop(grace=None).wait()
    assert first.latency_s < KEPT_WAITING_S / 2
    assert min(record.latency_s for record in others) >= KEPT_WAITING_S
    assert {record.scheduled_s for record in (first, *others)} == {0.0}


def test_server_that_is_not_there_fails_every_request() -> None:
    with running_stub() as (_, url):
        pass
    records = make_calls(Calls(url, "GrpcPoisson", SECONDS, burst=3))
    assert [record.outcome for record in records] == ["NO_CODE"] * 3
    assert not any(record.refused for record in records)
