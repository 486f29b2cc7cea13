"""Who is let in, who is refused, and what the refused are told."""

import re

import pytest
from clocks import Clock
from demands import demand_of

from instantid_server.contract import RETRY_HINT, PriorityClass
from instantid_server.demand import Demand
from instantid_server.errors import (
    DeadlineExceeded,
    Draining,
    InstantIDError,
    ModelNotReady,
    Overloaded,
)
from instantid_server.serving.admission import MARGIN, Admission, AdmissionSnapshot
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.places import Place

STEP_S = 2.0


class Server:
    """Admission for two running pictures and two waiting requests, on a clock by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.admission = Admission(AdmissionLimits(2, 2), self.clock)

    def ask(self, demand: Demand) -> Place:
        """Ask for a place and start whoever may."""
        place = self.admission.ask(demand)
        self.start()
        return place

    def start(self) -> list[Place]:
        """Start whoever may and return them."""
        started = []
        while (place := self.admission.start_next()) is not None:
            started.append(place)
        return started

    def step(self, place: Place, seconds: float = STEP_S) -> None:
        """Let time pass, and a step of a request be done in it."""
        self.clock.now_s += seconds
        self.admission.count_step(place)

    def measure(self) -> None:
        """Learn that a step of one picture takes `STEP_S`."""
        place = self.ask(demand_of())
        for _ in range(3):
            self.step(place)
        self.admission.leave(place)


@pytest.fixture
def server() -> Server:
    return Server()


def hint_of(error: InstantIDError) -> int:
    """Return the seconds of a message that ends with a retry hint."""
    pattern = re.escape(RETRY_HINT).replace(r"\{seconds\}", r"(\d+)")
    found = re.search(f"{pattern}$", error.message)
    assert found is not None, error.message
    return int(found[1])


def refusal(server: Server, demand: Demand) -> InstantIDError:
    with pytest.raises(InstantIDError) as caught:
        server.admission.ask(demand)
    return caught.value


def test_requests_run_then_wait_then_are_refused(server: Server) -> None:
    for _ in range(4):
        server.ask(demand_of())
    error = refusal(server, demand_of())
    assert type(error) is Overloaded
    assert error.message.startswith("2 of 2 pictures run and 2 of 2 requests wait; ")


def test_refused_request_takes_no_place(server: Server) -> None:
    for _ in range(4):
        server.ask(demand_of())
    before = server.admission.snapshot()
    refusal(server, demand_of())
    assert server.admission.snapshot() == before


def test_place_of_one_that_left_is_given_to_the_next(server: Server) -> None:
    first, _, third = (server.ask(demand_of()) for _ in range(3))
    server.admission.leave(first)
    assert server.start() == [third]


def test_waiting_one_that_left_makes_room_to_wait(server: Server) -> None:
    places = [server.ask(demand_of()) for _ in range(4)]
    server.admission.leave(places[3])
    assert server.ask(demand_of()) in server.admission.waiting()


def test_nobody_waits_where_none_may_but_who_can_start_at_once_does() -> None:
    admission = Admission(AdmissionLimits(1, 0), Clock())
    admission.ask(demand_of())
    assert admission.start_next() is not None
    with pytest.raises(Overloaded):
        admission.ask(demand_of())


def test_higher_class_starts_at_once_past_a_full_waiting_line(server: Server) -> None:
    server.ask(demand_of())
    server.ask(demand_of(pictures=2))  # waits, and one place is kept for it
    server.ask(demand_of())
    assert server.ask(demand_of(priority_class=PriorityClass.HIGH)) not in (
        server.admission.waiting()
    )


def test_retry_hint_is_a_guess_before_the_first_step(server: Server) -> None:
    for _ in range(4):
        server.ask(demand_of())
    assert hint_of(refusal(server, demand_of())) == 5


def test_retry_hint_follows_what_runs_and_waits(server: Server) -> None:
    server.measure()
    for _ in range(4):
        server.ask(demand_of(steps=5))
    # Two run and two wait for their turn: 5 steps of 2 s each, twice.
    assert hint_of(refusal(server, demand_of())) == 20


def test_retry_hint_shrinks_while_steps_are_done(server: Server) -> None:
    server.measure()
    places = [server.ask(demand_of(steps=5)) for _ in range(4)]
    for place in places[:2]:
        server.step(place, seconds=0)
        server.admission.count_step(place)
    assert hint_of(refusal(server, demand_of())) < 20


def test_retry_hint_never_sends_anybody_away_for_minutes(server: Server) -> None:
    server.measure()
    for _ in range(4):
        server.ask(demand_of(steps=150))
    assert hint_of(refusal(server, demand_of())) == 60


def test_deadline_refuses_nobody_before_the_first_step(server: Server) -> None:
    server.ask(demand_of(steps=150, seconds_left=0.1))


def test_deadline_refuses_more_steps_than_there_is_time_for(server: Server) -> None:
    server.measure()
    error = refusal(server, demand_of(steps=10, seconds_left=19.0))
    assert type(error) is DeadlineExceeded
    assert error.message == (
        f"timeout: expected {20 * MARGIN:.1f} s or more for 10 steps after 0.0 s of waiting and "
        "with some to spare, got 19.0 s"
    )


def test_deadline_lets_in_who_can_just_make_it(server: Server) -> None:
    server.measure()
    server.ask(demand_of(steps=10, seconds_left=20.5 * MARGIN))


def test_deadline_counts_the_wait(server: Server) -> None:
    server.measure()
    for _ in range(2):
        server.ask(demand_of(steps=10))
    error = refusal(server, demand_of(steps=10, seconds_left=39.0 * MARGIN))
    assert "after 20.0 s of waiting" in error.message
    server.ask(demand_of(steps=10, seconds_left=41.0 * MARGIN))


def test_deadline_does_not_count_those_whom_a_higher_class_overtakes(server: Server) -> None:
    server.measure()
    server.ask(demand_of(pictures=2, steps=10))
    server.ask(demand_of(pictures=2, steps=10))
    refusal(server, demand_of(steps=10, seconds_left=41.0 * MARGIN))
    urgent = demand_of(steps=10, seconds_left=41.0 * MARGIN, priority_class=PriorityClass.HIGH)
    server.ask(urgent)


def test_slow_steps_refuse_nobody_a_minute_later(server: Server) -> None:
    server.measure()
    refusal(server, demand_of(steps=10, seconds_left=1.0))
    server.clock.now_s += 61
    server.ask(demand_of(steps=10, seconds_left=1.0))


def test_draining_refuses_newcomers_and_lets_the_accepted_run(server: Server) -> None:
    first, _, waiting = (server.ask(demand_of()) for _ in range(3))
    server.admission.begin_drain(7)
    error = refusal(server, demand_of())
    assert (type(error), hint_of(error)) == (Draining, 7)
    server.admission.leave(first)
    assert server.start() == [waiting]


def test_closed_door_refuses_until_it_opens(server: Server) -> None:
    server.admission.close_door(40)
    error = refusal(server, demand_of())
    assert (type(error), hint_of(error)) == (ModelNotReady, 40)
    server.admission.open_door()
    server.ask(demand_of())


def test_nobody_starts_on_hold_and_everybody_after_it(server: Server) -> None:
    server.admission.hold()
    places = [server.ask(demand_of()) for _ in range(2)]
    assert server.start() == []
    server.admission.resume()
    assert server.start() == places


def test_hint_is_a_second_at_least(server: Server) -> None:
    server.admission.begin_drain(0.0)
    assert hint_of(refusal(server, demand_of())) == 1


def test_requests_are_found_by_id_within_their_tenant(server: Server) -> None:
    for tenant, request_id in (("a", "1"), ("a", "2"), ("b", "1"), ("a", "1")):
        server.ask(demand_of(tenant, request_id=request_id))
    found = [(place.demand.tenant, place.demand.request_id) for place in find(server, "1", "a")]
    assert found == [("a", "1")] * 2
    assert find(server, "1", "c") == []


def find(server: Server, request_id: str, tenant: str) -> list[Place]:
    return server.admission.find(request_id, tenant)


def test_snapshot_tells_what_goes_on(server: Server) -> None:
    server.measure()
    for pictures in (2, 1, 1):
        server.ask(demand_of(pictures=pictures))
    server.admission.begin_drain(1)
    assert server.admission.snapshot() == AdmissionSnapshot(
        running=1,
        running_pictures=2,
        waiting=2,
        max_running_pictures=2,
        max_waiting=2,
        seconds_per_step=STEP_S,
        draining=True,
    )


def test_time_before_the_first_step_of_a_request_is_no_step(server: Server) -> None:
    place = server.ask(demand_of())
    server.step(place, seconds=9.0)  # reading the photo and the prompt is part of it
    assert server.admission.snapshot().seconds_per_step is None
    server.step(place)
    assert server.admission.snapshot().seconds_per_step == STEP_S


def test_time_beside_the_steps_counts_against_a_deadline(server: Server) -> None:
    first = server.ask(demand_of(steps=3))
    server.clock.now_s += 4  # face and text
    for _ in range(3):
        server.step(first)
    server.clock.now_s += 1  # decoding and the face check
    server.admission.leave(first)
    needed_s = (4 + 3 * STEP_S + 1) * MARGIN
    error = refusal(server, demand_of(steps=3, seconds_left=needed_s - 0.1))
    assert type(error) is DeadlineExceeded
    server.ask(demand_of(steps=3, seconds_left=needed_s + 0.1))


def test_request_that_ended_early_says_nothing_of_the_time_beside_the_steps(server: Server) -> None:
    first = server.ask(demand_of(steps=9))
    for _ in range(3):
        server.step(first)
    server.clock.now_s += 30
    server.admission.leave(first)
    server.ask(demand_of(steps=3, seconds_left=3 * STEP_S * MARGIN + 0.1))
