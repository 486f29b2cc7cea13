"""The admission desk over its socket: turns, cancelling, draining, and visitors who misbehave."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

import pytest
from demands import demand_of
from patience import wait_until

from instantid_server.desk_link import DeskConnection, DeskLink
from instantid_server.desk_messages import Kind
from instantid_server.errors import ModelNotReady
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.record_book import RecordBook

ANSWER_S = 60.0  # the desk answers in a millisecond unless this machine is very busy
SILENCE_S = 0.1  # in which the desk would have answered

# A process that holds a place until it is killed.
HOLDER = """
import json, socket, sys, time
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
line.sendall(sys.argv[2].encode() + b"\\n")
time.sleep(600)
"""


@pytest.fixture
def admission_limits() -> AdmissionLimits:
    return AdmissionLimits(max_running_pictures=1, max_waiting=2)


@pytest.fixture
def link(desk: AdmissionDesk) -> DeskLink:
    return DeskLink.from_environment()


@pytest.fixture
def visits() -> Iterator[ExitStack]:
    """Connections that are closed in the end."""
    with ExitStack() as stack:
        yield stack


def ask(
    link: DeskLink, visits: ExitStack, tenant: str = "", request_id: str = ""
) -> DeskConnection:
    """Ask for a turn on a new connection."""
    connection = visits.enter_context(closing(link.connect()))
    demand = demand_of(tenant, request_id=request_id)
    connection.send({"kind": Kind.TURN, **asdict(demand)})
    return connection


def answer(connection: DeskConnection) -> str:
    """Return what the desk says: the code of a refusal, else the kind of the message."""
    message = connection.receive(ANSWER_S)
    assert message is not None
    return str(message.get("code", message["kind"]))


def is_silent(connection: DeskConnection) -> bool:
    return connection.receive(SILENCE_S) is None


def is_hung_up(noisy: socket.socket) -> bool:
    try:
        return noisy.recv(1) == b""
    except ConnectionResetError:  # with some of the noise unread
        return True


def test_first_runs_others_wait_and_the_rest_is_refused(link: DeskLink, visits: ExitStack) -> None:
    first = ask(link, visits)
    assert answer(first) == Kind.START
    waiting = [ask(link, visits) for _ in range(2)]
    assert answer(ask(link, visits)) == "OVERLOADED"
    assert all(map(is_silent, waiting))


def test_turn_comes_when_the_holder_hangs_up(link: DeskLink, visits: ExitStack) -> None:
    first, second = ask(link, visits), ask(link, visits)
    assert answer(first) == Kind.START
    first.close()
    assert answer(second) == Kind.START


def test_turn_comes_when_the_holders_process_is_killed(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    demand = '{"kind": "turn", "request_id": "", "tenant": "", "priority_class": "normal", '
    demand += '"pictures": 1, "steps": 1, "step_work": 1, "seconds_left": null}'
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(link.path), demand])
    wait_until(lambda: desk.snapshot().running == 1)
    second = ask(link, visits)
    assert is_silent(second)
    holder.kill()
    holder.wait()
    assert answer(second) == Kind.START


def test_desk_is_idle_when_everybody_has_left(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    connections = [ask(link, visits) for _ in range(3)]
    wait_until(lambda: desk.snapshot().waiting == 2)
    assert not desk.is_idle()
    for connection in connections:
        connection.close()
    wait_until(desk.is_idle)


def test_running_request_is_told_that_it_is_cancelled_and_holds_its_place_until_it_stops(
    link: DeskLink, visits: ExitStack
) -> None:
    first, second = ask(link, visits, request_id="r"), ask(link, visits)
    assert answer(first) == Kind.START
    assert link.cancel("r", "") == 1
    assert answer(first) == "CANCELLED"
    assert is_silent(second)
    first.close()
    assert answer(second) == Kind.START


def test_waiting_request_is_cancelled_and_makes_room_at_once(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    ask(link, visits)
    waiting = [ask(link, visits, request_id=request_id) for request_id in ("r", "s")]
    wait_until(lambda: desk.snapshot().waiting == 2)
    assert link.cancel("r", "") == 1
    assert answer(waiting[0]) == "CANCELLED"
    assert desk.snapshot().waiting == 1
    assert is_silent(ask(link, visits))  # waits where the other one did


def test_requests_of_other_tenants_and_ids_are_not_cancelled(
    link: DeskLink, visits: ExitStack
) -> None:
    first = ask(link, visits, tenant="a", request_id="r")
    assert answer(first) == Kind.START
    assert (link.cancel("r", "b"), link.cancel("r", ""), link.cancel("s", "a")) == (0, 0, 0)
    assert is_silent(first)


def test_draining_refuses_newcomers_and_serves_who_waits(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    first, second = ask(link, visits), ask(link, visits)
    assert answer(first) == Kind.START
    wait_until(lambda: desk.snapshot().waiting == 1)
    desk.begin_drain(3)
    assert answer(ask(link, visits)) == "DRAINING"
    first.close()
    assert answer(second) == Kind.START


def test_closed_door_sends_away_who_waits_but_not_who_runs(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    first, second = ask(link, visits), ask(link, visits)
    assert answer(first) == Kind.START
    wait_until(lambda: desk.snapshot().waiting == 1)
    desk.close_door(40)
    assert answer(second) == "MODEL_NOT_READY"
    assert answer(ask(link, visits)) == "MODEL_NOT_READY"
    assert is_silent(first)
    first.close()
    desk.open_door()
    assert answer(ask(link, visits)) == Kind.START


def test_who_waits_on_hold_starts_when_it_is_over(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    desk.hold()
    waiting = ask(link, visits)
    wait_until(lambda: desk.snapshot().waiting == 1)
    assert is_silent(waiting)
    desk.resume()
    assert answer(waiting) == Kind.START


def test_broken_model_is_told_once(desk: AdmissionDesk, link: DeskLink) -> None:
    link.report_broken("unet")
    assert (desk.broken_models(), desk.broken_models()) == (["unet"], [])


def test_stub_learns_how_many_requests_there_can_be(link: DeskLink) -> None:
    assert link.max_requests() == 3


def test_second_turn_on_one_connection_loses_both(
    desk: AdmissionDesk, link: DeskLink, visits: ExitStack
) -> None:
    greedy = ask(link, visits)
    assert answer(greedy) == Kind.START
    greedy.send({"kind": Kind.TURN, **asdict(demand_of())})
    wait_until(desk.is_idle)


def test_steps_are_timed(desk: AdmissionDesk, link: DeskLink, visits: ExitStack) -> None:
    first = ask(link, visits)
    for _ in range(2):
        first.send({"kind": Kind.STEP})
    wait_until(lambda: desk.snapshot().seconds_per_step is not None)


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(b"not json\n", id="not-json"),
        pytest.param(b"[]\n", id="not-an-object"),
        pytest.param(b"{}\n", id="no-kind"),
        pytest.param(b'{"kind": "answer"}\n', id="not-for-the-desk"),
        pytest.param(b'{"kind": "turn", "tenant": "a"}\n', id="half-a-demand"),
        pytest.param(b"x" * 100_000, id="endless-line"),
    ],
)
def test_desk_hangs_up_on_noise_and_serves_the_others(
    link: DeskLink, visits: ExitStack, noise: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as noisy:
        noisy.settimeout(ANSWER_S)
        noisy.connect(str(link.path))
        noisy.sendall(noise)
        assert is_hung_up(noisy)
    assert answer(ask(link, visits)) == Kind.START


def test_visitor_who_says_nothing_keeps_nobody_waiting(link: DeskLink, visits: ExitStack) -> None:
    silent = visits.enter_context(socket.socket(socket.AF_UNIX))
    silent.connect(str(link.path))
    silent.sendall(b'{"kind": ')
    assert answer(ask(link, visits)) == Kind.START


def test_no_more_than_the_limit_ever_run_at_once(desk: AdmissionDesk, link: DeskLink) -> None:
    lock = threading.Lock()
    running, most, served = 0, 0, 0

    def visit() -> None:
        nonlocal running, most, served
        with ExitStack() as stack:
            while answer(connection := ask(link, stack)) != Kind.START:
                connection.close()  # refused: the line is short on purpose
            with lock:
                running += 1
                most = max(most, running)
                served += 1
            connection.send({"kind": Kind.STEP})
            with lock:
                running -= 1

    threads = [threading.Thread(target=visit) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, served) == (1, 40)
    wait_until(desk.is_idle)


def test_stopped_desk_hangs_up_and_leaves_nothing(tmp_path: Path, book: RecordBook) -> None:
    path = tmp_path / "other.sock"
    desk = AdmissionDesk(path, AdmissionLimits(1, 1), book)
    desk.start()
    with closing(DeskLink(path).connect()) as connection:
        desk.stop()
        with pytest.raises(ModelNotReady):
            connection.receive(ANSWER_S)
    assert not path.exists()


def test_path_that_is_too_long_for_a_socket_is_refused_with_a_remedy(
    tmp_path: Path, book: RecordBook
) -> None:
    desk = AdmissionDesk(tmp_path / ("d" * 110), AdmissionLimits(1, 1), book)
    with pytest.raises(ServingFailure, match="TMPDIR"):
        desk.start()
