"""Who runs, who waits, and who is next."""

from collections import Counter
from dataclasses import dataclass

from instantid_server.contract import PriorityClass
from instantid_server.demand import Demand

_REMEMBERED_TENANTS = 1024  # names come from callers, so their number has no end of its own


@dataclass(eq=False)
class Place:
    """One accepted request."""

    demand: Demand
    number: int  # in order of arrival
    steps_done: int = 0
    # When, by the clock of admission; None: not yet.
    started_s: float | None = None
    first_step_s: float | None = None
    last_step_s: float | None = None

    @property
    def steps_left(self) -> int:
        """Return how many steps are still to be done."""
        return max(self.demand.steps - self.steps_done, 0)


class Places:
    """The requests that were accepted and have not left."""

    def __init__(self, max_running_pictures: int) -> None:
        self.running: list[Place] = []
        self.waiting: list[Place] = []
        self._max_running_pictures = max_running_pictures
        self._served: dict[str, int] = {}  # tenant -> number of its last start, oldest first
        self._starts = 0
        self._held: dict[PriorityClass, Place] = {}

    def copy(self) -> "Places":
        """Return the same places, to try out on them what will happen."""
        twin = Places(self._max_running_pictures)
        twin.running = self.running.copy()
        twin.waiting = self.waiting.copy()
        twin._served = self._served.copy()
        twin._starts = self._starts
        twin._held = self._held.copy()
        return twin

    def free_pictures(self) -> int:
        """Return how many more pictures may run."""
        return self._max_running_pictures - sum(map(self._cost, self.running))

    def start_next(self) -> Place | None:
        """Let the next one run and return it; None if nobody may.

        The next one keeps the free places until there are enough for it: else requests of many
        pictures would wait for ever behind those of one.
        """
        head = self._head()
        if head is None:
            return None
        if self._cost(head) > self.free_pictures():
            if self.free_pictures() > 0:
                self._held[head.demand.priority_class] = head
            return None
        self.leave(head)
        self.running.append(head)
        self._remember_start(head.demand.tenant)
        return head

    def leave(self, place: Place) -> None:
        """Take a place out, whether it runs or waits."""
        if self._held.get(place.demand.priority_class) is place:
            del self._held[place.demand.priority_class]
        for places in (self.running, self.waiting):
            if place in places:
                places.remove(place)

    def _cost(self, place: Place) -> int:
        # A request for more pictures than may run at all runs alone.
        return min(place.demand.pictures, self._max_running_pictures)

    def _head(self) -> Place | None:
        for priority_class in PriorityClass:  # from high to low
            if held := self._held.get(priority_class):
                return held
            of_class = [p for p in self.waiting if p.demand.priority_class is priority_class]
            if of_class:
                return self._fairest(of_class)
        return None

    def _fairest(self, places: list[Place]) -> Place:
        """Return the place of the tenant who has the least, then longest had none, then the oldest.

        A tenant who was never served, or so long ago that it is forgotten, goes before the others.
        """
        has: Counter[str] = Counter()
        for place in self.running:
            has[place.demand.tenant] += self._cost(place)

        def rank(place: Place) -> tuple[int, int, int]:
            tenant = place.demand.tenant
            return has[tenant], self._served.get(tenant, -1), place.number

        return min(places, key=rank)

    def _remember_start(self, tenant: str) -> None:
        self._served.pop(tenant, None)  # so that the dict stays in the order of the starts
        self._served[tenant] = self._starts
        self._starts += 1
        if len(self._served) > _REMEMBERED_TENANTS:
            del self._served[next(iter(self._served))]
