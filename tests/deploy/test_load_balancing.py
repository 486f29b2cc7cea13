"""Long connections are spread over servers: what the headless Service is for.

Three gRPC servers that speak Triton's protocol stand for three pods, each on an address of its own;
the list of addresses stands for what the Service's name resolves to.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
import pytest
from tritonclient.grpc import InferenceServerClient, service_pb2, service_pb2_grpc

# What docker/kubernetes/README.md tells callers without a gateway to give tritonclient.
ROUND_ROBIN = [("grpc.lb_policy_name", "round_robin")]
CALLS = 30
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


@dataclass
class Pod(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # untyped
    """Says that it is ready, and counts how often it was asked."""

    address: str = ""
    server: Any = None
    asked: int = 0
    lock: Lock = field(default_factory=Lock)

    def ServerReady(self, request: Any, context: Any) -> Any:
        with self.lock:
            self.asked += 1
        return service_pb2.ServerReadyResponse(ready=True)


@contextmanager
def running_pod(host: str) -> Iterator[Pod]:
    pod = Pod(server=grpc.server(ThreadPoolExecutor(max_workers=2)))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(pod, pod.server)
    pod.address = f"{host}:{pod.server.add_insecure_port(f'{host}:0')}"
    pod.server.start()
    try:
        yield pod
    finally:
        pod.server.stop(grace=None).wait()


@pytest.fixture
def pods() -> Iterator[list[Pod]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running_pod(host)) for host in ADDRESSES]


@contextmanager
def connected(pods: list[Pod], options: list[tuple[str, str]]) -> Iterator[InferenceServerClient]:
    """A client that resolves to every pod, its connections made."""
    target = f"ipv4:{','.join(pod.address for pod in pods)}"
    with InferenceServerClient(target, channel_args=options) as client:
        wanted = len(pods) if options else 1
        while sum(pod.asked > 0 for pod in pods) < wanted:  # pytest's own timeout ends it
            assert client.is_server_ready()
        for pod in pods:
            pod.asked = 0
        yield client


def test_one_connection_stays_with_one_server(pods: list[Pod]) -> None:
    with connected(pods, []) as client:
        for _ in range(CALLS):
            client.is_server_ready()
    assert sorted(pod.asked for pod in pods) == [0, 0, CALLS]


def test_every_client_spreads_its_requests_over_all_servers(pods: list[Pod]) -> None:
    with connected(pods, ROUND_ROBIN) as client:
        for _ in range(CALLS):
            client.is_server_ready()
    assert [pod.asked for pod in pods] == [CALLS / len(pods)] * len(pods)


def test_server_that_goes_is_left_to_itself(pods: list[Pod]) -> None:
    with connected(pods, ROUND_ROBIN) as client:
        pods[0].server.stop(grace=None).wait()
        for _ in range(CALLS):
            assert client.is_server_ready()
    assert pods[0].asked == 0
    assert min(pods[1].asked, pods[2].asked) >= CALLS / 3
