"""A request's turn, at a real desk: waiting, holding, and every way to stop."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from demands import demand_of
from patience import wait_until
from stages import FakeStages

from instantid_server.caller import Caller
from instantid_server.desk_link import DESK_VARIABLE, DeskLink, DeskUnknown
from instantid_server.errors import (
    Cancelled,
    DeadlineExceeded,
    InstantIDError,
    ModelNotReady,
    Overloaded,
)
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.record_book import RecordBook
from instantid_server.turn import Turn, take_turn

SOON_S = 1.0  # a deadline that comes while the test waits, and not before it does


@pytest.fixture
def admission_limits() -> AdmissionLimits:
    return AdmissionLimits(max_running_pictures=1, max_waiting=1)


@pytest.fixture
def busy_desk(desk: AdmissionDesk) -> Iterator[AdmissionDesk]:
    """A desk at which somebody has her turn."""
    with take():
        yield desk


def take(
    caller: Caller | None = None, is_cancelled: Callable[[], bool] = lambda: False
) -> AbstractContextManager[Turn]:
    """Take a turn at the desk of the test."""
    asking = Caller() if caller is None else caller
    demand = demand_of(request_id=asking.request_id, seconds_left=asking.seconds_left())
    return take_turn(DeskLink.from_environment(), demand, asking, is_cancelled)


def caller_until(seconds: float) -> Caller:
    return Caller(deadline_s=time.monotonic() + seconds)


class Waiter:
    """Waits for a turn on a thread of its own."""

    def __init__(self, caller: Caller, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self._error: InstantIDError | None = None
        self._turn = take(caller, is_cancelled)
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def end(self) -> InstantIDError | None:
        """Return what ended the wait; None: the turn came."""
        self._thread.join()
        return self._error

    def _wait(self) -> None:
        try:
            with self._turn:
                pass
        except InstantIDError as error:
            self._error = error


def test_turn_comes_when_the_one_before_ends(desk: AdmissionDesk) -> None:
    with take():
        waiter = Waiter(Caller())
        wait_until(lambda: desk.snapshot().waiting == 1)
    assert waiter.end() is None
    wait_until(desk.is_idle)


def test_place_is_free_after_an_error(desk: AdmissionDesk) -> None:
    with pytest.raises(ZeroDivisionError), take():
        raise ZeroDivisionError
    wait_until(desk.is_idle)


def test_refusal_of_the_desk_is_raised_as_it_was_meant(busy_desk: AdmissionDesk) -> None:
    waiter = Waiter(Caller(request_id="waits"))
    wait_until(lambda: busy_desk.snapshot().waiting == 1)
    with pytest.raises(Overloaded, match=r"1 of 1 pictures run .* try again in \d+ s$"), take():
        pass
    DeskLink.from_environment().cancel("waits", "")
    assert isinstance(waiter.end(), Cancelled)


def test_deadline_that_has_passed_already_is_noticed_without_asking(desk: AdmissionDesk) -> None:
    with pytest.raises(DeadlineExceeded, match="passed while"), take(caller_until(-1)):
        pass
    assert desk.is_idle()


def test_deadline_ends_the_wait(busy_desk: AdmissionDesk) -> None:
    error = Waiter(caller_until(SOON_S)).end()
    assert isinstance(error, DeadlineExceeded)
    assert error.message == "timeout: it passed while the request waited for its turn"
    wait_until(lambda: busy_desk.snapshot().waiting == 0)


def test_caller_who_goes_away_ends_the_wait(busy_desk: AdmissionDesk) -> None:
    gone = threading.Event()
    waiter = Waiter(Caller(), gone.is_set)
    wait_until(lambda: busy_desk.snapshot().waiting == 1)
    gone.set()
    error = waiter.end()
    assert isinstance(error, Cancelled)
    assert error.message == "the caller went away while the request waited for its turn"


def test_cancelling_by_id_ends_the_wait(busy_desk: AdmissionDesk) -> None:
    waiter = Waiter(Caller(request_id="r"))
    wait_until(lambda: busy_desk.snapshot().waiting == 1)
    assert DeskLink.from_environment().cancel("r", "") == 1
    assert isinstance(waiter.end(), Cancelled)


def test_every_guarded_call_looks_first_whether_to_stop(desk: AdmissionDesk) -> None:
    stages = FakeStages()
    prompt = {"prompt": np.array([[b"a"]], dtype=np.object_)}
    with take(Caller(request_id="r")) as turn:
        guarded = turn.guard(stages)
        guarded("text_encoder", prompt, ["prompt_embeds"])
        DeskLink.from_environment().cancel("r", "")
        with pytest.raises(Cancelled, match="taken back"):
            guarded("text_encoder", prompt, ["prompt_embeds"])
    assert stages.names == ["text_encoder"]


def test_deadline_ends_the_work(desk: AdmissionDesk) -> None:
    caller = caller_until(SOON_S)
    with take(caller) as turn:
        for _ in range(3):
            turn.count_step()
        wait_until(lambda: (caller.seconds_left() or 0) < 0)
        with pytest.raises(DeadlineExceeded, match="timeout: it passed; steps done: 3"):
            turn.check()


def test_caller_who_goes_away_ends_the_work(desk: AdmissionDesk) -> None:
    gone = threading.Event()
    with take(None, gone.is_set) as turn:
        turn.count_step()
        turn.check()
        gone.set()
        with pytest.raises(Cancelled, match="the caller went away; steps done: 1"):
            turn.check()


def test_desk_that_is_gone_ends_the_work(tmp_path: Path, book: RecordBook) -> None:
    path = tmp_path / "other.sock"
    desk = AdmissionDesk(path, AdmissionLimits(1, 1), book)
    desk.start()
    with take_turn(DeskLink(path), demand_of(), Caller(), lambda: False) as turn:
        desk.stop()
        with pytest.raises(ModelNotReady, match="ending or starting"):
            turn.check()


def test_desk_that_never_was_is_not_ready(tmp_path: Path) -> None:
    turn = take_turn(DeskLink(tmp_path / "none.sock"), demand_of(), Caller(), lambda: False)
    with pytest.raises(ModelNotReady, match=r"try again in \d+ s$"), turn:
        pass


def test_server_without_a_desk_is_told_how_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DESK_VARIABLE, raising=False)
    with pytest.raises(DeskUnknown, match=r"INSTANTID_DESK is not set: .*`instantid serve`"):
        DeskLink.from_environment()
