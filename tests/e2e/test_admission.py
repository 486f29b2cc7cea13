"""A server with more to do than it takes on: waiting, refusing, deadlines, cancelling."""

import re
import threading
from collections.abc import Iterator
from statistics import median

import pytest

from instantid_client import Cancelled, Client, DeadlineExceeded, Overloaded
from instantid_server.serving.limits import read_limits
from tests.e2e.crowd import LONG_STEPS, PATIENCE_S, Crowd
from tests.e2e.photos import PORTRAIT
from tests.e2e.server import ENSEMBLE_REPOSITORY, RunningServer

pytestmark = pytest.mark.triton

LIMITS = read_limits(ENSEMBLE_REPOSITORY, None)
CANCELLED = "[CANCELLED] the request was taken back by instantid_cancel"
PORTRAIT_OPTIONS = {"prompt": "a portrait", "face_image": PORTRAIT}


@pytest.fixture
def crowd(server: RunningServer) -> Iterator[Crowd]:
    with Crowd(server) as crowd:
        yield crowd


def fill_running(crowd: Crowd, tenant: str = "") -> None:
    for number in range(LIMITS.max_running_pictures):
        crowd.send(f"runs-{number}", tenant)
    crowd.wait_for(LIMITS.max_running_pictures, 0)


def fill(crowd: Crowd) -> None:
    fill_running(crowd)
    for number in range(LIMITS.max_waiting):
        crowd.send(f"waits-{number}")
    crowd.wait_for(LIMITS.max_running_pictures, LIMITS.max_waiting)


def test_full_server_refuses_at_once_and_says_when_to_come_again(crowd: Crowd) -> None:
    fill(crowd)
    refused = [crowd.send(f"refused-{number}").wait() for number in range(20)]
    message = (
        rf"\[OVERLOADED\] {LIMITS.max_running_pictures} of {LIMITS.max_running_pictures} pictures "
        rf"run and {LIMITS.max_waiting} of {LIMITS.max_waiting} requests wait; "
        r"try again in \d+ s"
    )
    assert all(re.fullmatch(message, answer.error or "") for answer in refused)
    # A picture takes seconds here; what a refusal takes is measured by `make load`.
    assert median(answer.seconds for answer in refused) < 1.0
    assert not any(answer.arrived.is_set() for answer in crowd.answers[:-20])


def test_client_over_http_gets_the_refusal_as_an_exception(
    crowd: Crowd, server: RunningServer
) -> None:
    fill(crowd)
    with Client(f"http://{server.http_url}") as client, pytest.raises(Overloaded) as caught:
        client.generate(**PORTRAIT_OPTIONS)
    assert (caught.value.retry_after_s or 0) >= 1


def test_one_of_another_tenant_does_not_wait_for_all_of_the_first(crowd: Crowd) -> None:
    fill_running(crowd, "a")
    queued = [crowd.send(f"queued-{number}", "a") for number in range(20)]
    crowd.wait_for(LIMITS.max_running_pictures, 20)
    other = crowd.send("other", "b", steps=1)
    crowd.wait_for(LIMITS.max_running_pictures, 21)
    for number in range(2):
        assert crowd.cancel(f"runs-{number}", "a") == 1
    assert other.wait().error is None
    assert not any(answer.arrived.is_set() for answer in queued)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_waiting_and_running_requests_are_taken_back_by_id(
    crowd: Crowd, server: RunningServer, protocol: str
) -> None:
    fill_running(crowd, "a")
    waiting = crowd.send("waits", "a")
    crowd.wait_for(LIMITS.max_running_pictures, 1)
    url = f"http://{server.http_url}" if protocol == "http" else server.grpc_url
    with Client(url, tenant="a") as client:
        assert client.cancel("waits") == 1
        assert waiting.wait().error == CANCELLED
        assert client.cancel("runs-0") == 1
        assert crowd.answers[0].wait().error == CANCELLED
        assert client.cancel("runs-1", tenant="b") == 0
    assert not crowd.answers[1].arrived.is_set()


def test_http_request_is_cancelled_from_another_connection(server: RunningServer) -> None:
    errors = []

    def generate() -> None:
        with Client(f"http://{server.http_url}") as client:
            try:
                client.generate(
                    **PORTRAIT_OPTIONS, request_id="mine", num_inference_steps=LONG_STEPS
                )
            except Cancelled as error:
                errors.append(error)

    caller = threading.Thread(target=generate)
    with Crowd(server) as crowd:
        caller.start()
        crowd.wait_for(1, 0)
        assert crowd.cancel("mine") == 1
        caller.join(PATIENCE_S)
    assert len(errors) == 1


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_deadline_that_cannot_be_met_is_refused_at_the_door(
    server: RunningServer, protocol: str
) -> None:
    url = f"http://{server.http_url}" if protocol == "http" else server.grpc_url
    with Client(url) as client:
        client.generate(**PORTRAIT_OPTIONS, num_inference_steps=5)  # the server learns its pace
        with pytest.raises(DeadlineExceeded, match=r"expected \d+\.\d s or more for 150 steps"):
            client.generate(**PORTRAIT_OPTIONS, num_inference_steps=LONG_STEPS, timeout_s=0.5)


def test_deadline_passes_while_waiting(crowd: Crowd) -> None:
    fill_running(crowd)
    late = crowd.send("late", steps=1, timeout_s=0.5).wait()
    assert (late.error or "").startswith("[DEADLINE_EXCEEDED] timeout: ")


def test_caller_who_hangs_up_while_waiting_frees_her_place(crowd: Crowd) -> None:
    fill_running(crowd)
    waiting = crowd.send("waits")
    crowd.wait_for(LIMITS.max_running_pictures, 1)
    waiting.hang_up()
    crowd.wait_for(LIMITS.max_running_pictures, 0)
