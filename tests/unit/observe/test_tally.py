"""Counting by many threads, taken by one."""

from concurrent.futures import ThreadPoolExecutor

from instantid_server.observe.metrics import DURATION, ENDED, IN_FLIGHT, STEPS
from instantid_server.observe.tally import Reading, Tally


def test_what_is_taken_is_taken_once() -> None:
    tally = Tally()
    tally.add(STEPS)
    tally.add(ENDED, 2, "OK")
    tally.observe(DURATION, 1.5)
    assert tally.take() == [
        Reading(STEPS, "", 1),
        Reading(ENDED, "OK", 2),
        Reading(DURATION, "", 1.5),
    ]
    assert tally.take() == []


def test_gauge_keeps_its_level_when_it_is_taken() -> None:
    tally = Tally()
    tally.shift(IN_FLIGHT, 3)
    tally.take()
    tally.shift(IN_FLIGHT, -1)
    assert tally.take() == [Reading(IN_FLIGHT, "", 2)]


def test_what_is_given_back_is_added_to_what_came_meanwhile() -> None:
    tally = Tally()
    tally.add(STEPS, 2)
    tally.shift(IN_FLIGHT, 1)
    tally.observe(DURATION, 1.5)
    taken = tally.take()
    tally.add(STEPS, 3)
    tally.shift(IN_FLIGHT, 1)
    tally.give_back(taken)
    assert tally.take() == [
        Reading(STEPS, "", 5),
        Reading(IN_FLIGHT, "", 2),
        Reading(DURATION, "", 1.5),
    ]


def test_no_count_is_lost_between_threads() -> None:
    tally = Tally()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: [tally.add(STEPS) for _ in range(1000)])
    assert tally.take() == [Reading(STEPS, "", 8000)]
