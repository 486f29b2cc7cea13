"""Who is next: priority, fairness between tenants, age, and room for large requests."""

from itertools import count

import pytest
from demands import demand_of

from instantid_server.contract import PriorityClass
from instantid_server.demand import Demand
from instantid_server.serving.places import Place, Places

LIMIT = 4


class Line:
    """Places whose requests are told apart by their tenant or id."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.places = Places(limit)
        self._numbers = count()

    def join(self, demand: Demand) -> Place:
        """Let a request wait and start whoever may; return its place."""
        place = Place(demand, next(self._numbers))
        self.places.waiting.append(place)
        self.start()
        return place

    def start(self) -> list[Place]:
        """Start whoever may and return them, in order."""
        started = []
        while (place := self.places.start_next()) is not None:
            started.append(place)
        return started

    def free(self, number: int = 1) -> list[Place]:
        """Let the oldest running requests end, one by one; return who started instead."""
        started = []
        for _ in range(number):
            self.places.leave(self.places.running[0])
            started += self.start()
        return started


@pytest.fixture
def line() -> Line:
    return Line()


def tenants(places: list[Place]) -> list[str]:
    return [place.demand.tenant for place in places]


def test_requests_run_until_the_limit_and_then_wait(line: Line) -> None:
    places = [line.join(demand_of()) for _ in range(LIMIT + 2)]
    assert line.places.running == places[:LIMIT]
    assert line.places.waiting == places[LIMIT:]


def test_request_counts_as_its_pictures(line: Line) -> None:
    line.join(demand_of(pictures=3))
    assert line.places.free_pictures() == 1


def test_waiting_requests_of_one_tenant_run_in_the_order_they_came(line: Line) -> None:
    for number in range(LIMIT + 3):
        line.join(demand_of(request_id=str(number)))
    assert [place.demand.request_id for place in line.free(3)] == ["4", "5", "6"]


def test_higher_class_goes_first(line: Line) -> None:
    for _ in range(LIMIT):
        line.join(demand_of())
    for priority_class in (PriorityClass.LOW, PriorityClass.NORMAL, PriorityClass.HIGH):
        line.join(demand_of(priority_class=priority_class))
    classes = [place.demand.priority_class for place in line.free(3)]
    assert classes == [PriorityClass.HIGH, PriorityClass.NORMAL, PriorityClass.LOW]


def test_one_of_another_tenant_starts_within_two_places_of_twenty_queued(line: Line) -> None:
    for _ in range(LIMIT + 20):
        line.join(demand_of("a"))
    line.join(demand_of("b"))
    assert "b" in tenants(line.free(2))


def test_tenant_with_fewest_running_pictures_goes_first(line: Line) -> None:
    line.join(demand_of("a", pictures=1))
    line.join(demand_of("b", pictures=2))
    line.join(demand_of("c", pictures=1))
    for tenant in ("b", "c", "a"):
        line.join(demand_of(tenant))
    assert tenants(line.free(1)) == ["a"]  # the one who now has none


def test_tenant_served_longest_ago_goes_first_among_equals() -> None:
    line = Line(limit=1)
    for tenant in ("a", "b", "a", "b", "b", "c"):
        line.join(demand_of(tenant))
    assert tenants(line.free(5)) == ["b", "c", "a", "b", "b"]


def test_turns_alternate_between_tenants_however_many_requests_one_has() -> None:
    line = Line(limit=1)
    for tenant in ("a", "a", "a", "a", "b", "b"):
        line.join(demand_of(tenant))
    assert tenants(line.free(5)) == ["b", "a", "b", "a", "a"]


def test_small_requests_do_not_overtake_a_large_one_for_which_places_are_kept(line: Line) -> None:
    for _ in range(LIMIT):
        line.join(demand_of("a"))
    large = line.join(demand_of("b", pictures=3))
    assert line.free(1) == []  # kept for the large one
    line.join(demand_of("c"))
    assert line.free(2) == [large]


def test_higher_class_overtakes_a_large_request_for_which_places_are_kept(line: Line) -> None:
    for _ in range(LIMIT):
        line.join(demand_of())
    line.join(demand_of(pictures=3))
    assert line.free(1) == []
    urgent = line.join(demand_of(priority_class=PriorityClass.HIGH))
    assert urgent in line.places.running


def test_kept_places_are_given_on_when_the_large_request_leaves(line: Line) -> None:
    for _ in range(LIMIT):
        line.join(demand_of())
    large = line.join(demand_of(pictures=3))
    small = line.join(demand_of())
    assert line.free(1) == []
    line.places.leave(large)
    assert line.start() == [small]


def test_request_for_more_pictures_than_the_limit_runs_alone(line: Line) -> None:
    line.join(demand_of())
    huge = line.join(demand_of(pictures=LIMIT + 4))
    small = line.join(demand_of())
    assert line.free(1) == [huge]
    assert line.free(1) == [small]


def test_trial_on_a_copy_changes_nothing(line: Line) -> None:
    for tenant in ("a", "a", "a", "a", "b", "c"):
        line.join(demand_of(tenant))
    trial = line.places.copy()
    trial.leave(trial.running[0])
    assert tenants([trial.start_next() or pytest.fail("nobody starts")]) == ["b"]
    assert tenants(line.places.running) == ["a"] * LIMIT
    assert tenants(line.free(2)) == ["b", "c"]


def test_tenant_not_served_for_a_long_time_counts_as_never_served() -> None:
    line = Line(limit=1)
    for tenant in ("old", *map(str, range(2000))):
        line.join(demand_of(tenant))
        line.free(1)
    for tenant in ("running", "old", "new"):
        line.join(demand_of(tenant))
    assert tenants(line.free(2)) == ["old", "new"]  # by age: nothing else tells them apart
