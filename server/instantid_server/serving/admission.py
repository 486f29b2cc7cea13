"""Admission: who may run, who waits, and who is refused. It only decides; the desk talks."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from instantid_server.contract import RETRY_HINT
from instantid_server.demand import Demand
from instantid_server.errors import DeadlineExceeded, Draining, ModelNotReady, Overloaded
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.pace import AroundSteps, RequestPace, StepPace
from instantid_server.serving.places import Place, Places

_UNKNOWN_WAIT_S = 5.0  # the hint while no step has been measured
_LONGEST_HINT_S = 60.0  # somebody may give up before; nobody should stay away for minutes
# What a request is foreseen to take, times this, must fit its deadline. A picture that comes just
# too late has cost as much as one in time, so a server that promises to the last second spends an
# overload on pictures that nobody takes.
MARGIN = 1.2


@dataclass(frozen=True)
class AdmissionSnapshot:
    """What goes on at one moment."""

    running: int  # requests
    running_pictures: int
    waiting: int  # requests
    max_running_pictures: int
    max_waiting: int
    seconds_per_step: float | None  # None: no step in the last minute
    draining: bool


class Admission:
    """The one who decides for all public models."""

    def __init__(self, limits: AdmissionLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._places = Places(limits.max_running_pictures)
        self._pace = StepPace(clock)
        self._request_pace = RequestPace(clock)
        self._numbers = count()
        self._drain_hint_s: float | None = None  # None: not draining
        self._closed_hint_s: float | None = None  # None: the door is open
        self._on_hold = False

    def ask(self, demand: Demand) -> Place:
        """Accept a request; it runs as soon as `start_next` returns its place.

        Raises Draining, ModelNotReady, Overloaded or DeadlineExceeded for one that is refused.
        """
        if self._drain_hint_s is not None:
            raise Draining(f"the server is about to end; {_try_again(self._drain_hint_s)}")
        if self._closed_hint_s is not None:
            raise _restarting(self._closed_hint_s)
        place = Place(demand, next(self._numbers))
        starts_at_once = self._starts_at_once(place)
        if not starts_at_once and len(self._places.waiting) >= self._limits.max_waiting:
            raise Overloaded(self._overload(place))
        if demand.seconds_left is not None:
            self._check_deadline(place, demand.seconds_left, starts_at_once)
        self._places.waiting.append(place)
        return place

    def start_next(self) -> Place | None:
        """Let the next one run and return its place; None if nobody may."""
        place = None if self._on_hold else self._places.start_next()
        if place is not None:
            place.started_s = self._clock()
        return place

    def count_step(self, place: Place) -> None:
        """Note that a running request has done a step."""
        now = self._clock()
        if place.last_step_s is not None:
            self._pace.add(self._work(), now - place.last_step_s)
        else:
            place.first_step_s = now
        place.last_step_s = now
        place.steps_done += 1

    def leave(self, place: Place) -> None:
        """Free a place, whether its request ran or waited."""
        self._places.leave(place)
        around = _around_steps(place, self._clock())
        if around is not None:
            self._request_pace.add(around)

    def waiting(self) -> list[Place]:
        """Return the places of the requests that wait."""
        return self._places.waiting.copy()

    def find(self, request_id: str, tenant: str) -> list[Place]:
        """Return the places of a tenant's requests of that id."""
        everybody = [*self._places.running, *self._places.waiting]
        wanted = (request_id, tenant)
        return [p for p in everybody if (p.demand.request_id, p.demand.tenant) == wanted]

    def begin_drain(self, hint_s: float) -> None:
        """Refuse newcomers from now on; who was accepted runs, now or in turn."""
        self._drain_hint_s = hint_s

    def close_door(self, hint_s: float) -> ModelNotReady:
        """Refuse newcomers until the door opens; return what they are told."""
        self._closed_hint_s = hint_s
        return _restarting(hint_s)

    def open_door(self) -> None:
        """Accept newcomers again."""
        self._closed_hint_s = None

    def hold(self) -> None:
        """Start nobody for now; who comes is accepted as before, and waits."""
        self._on_hold = True

    def resume(self) -> None:
        """Start who waits again."""
        self._on_hold = False

    def snapshot(self) -> AdmissionSnapshot:
        """Return what goes on."""
        return AdmissionSnapshot(
            running=len(self._places.running),
            running_pictures=self._limits.max_running_pictures - self._places.free_pictures(),
            waiting=len(self._places.waiting),
            max_running_pictures=self._limits.max_running_pictures,
            max_waiting=self._limits.max_waiting,
            seconds_per_step=self._pace.typical(),
            draining=self._drain_hint_s is not None,
        )

    def _work(self) -> int:
        """Return the pixels that all running requests compute in a step."""
        return sum(place.demand.step_work for place in self._places.running)

    def _starts_at_once(self, place: Place) -> bool:
        trial = self._places.copy()
        trial.waiting.append(place)
        while trial.start_next() is not None:
            pass
        return place in trial.running

    def _overload(self, place: Place) -> str:
        step_s = self._pace.seconds_per_step(self._work())
        wait_s = _UNKNOWN_WAIT_S if step_s is None else self._foresee_wait(place, step_s)
        now = self.snapshot()
        return (
            f"{now.running_pictures} of {now.max_running_pictures} pictures run and "
            f"{now.waiting} of {now.max_waiting} requests wait; "
            f"{_try_again(min(wait_s, _LONGEST_HINT_S))}"
        )

    def _check_deadline(self, place: Place, seconds_left: float, starts_at_once: bool) -> None:
        own_work = place.demand.step_work
        work = self._work() + own_work if starts_at_once else max(self._work(), own_work)
        step_s = self._pace.seconds_per_step(work)
        if step_s is None:
            return
        wait_s = self._foresee_wait(place, step_s)
        needed_s = (wait_s + self._foresee_run(place, step_s)) * MARGIN
        if needed_s > seconds_left:
            raise DeadlineExceeded(
                f"timeout: expected {needed_s:.1f} s or more for {place.demand.steps} steps after "
                f"{wait_s:.1f} s of waiting and with some to spare, got {seconds_left:.1f} s"
            )

    def _foresee_wait(self, newcomer: Place, step_s: float) -> float:
        """Return in how many seconds a newcomer would run if nobody else came, left or failed."""
        trial = self._places.copy()
        trial.waiting.append(newcomer)
        ends = {place: self._foresee_run(place, step_s) for place in trial.running}
        now_s = 0.0
        while True:
            while (started := trial.start_next()) is not None:
                ends[started] = now_s + self._foresee_run(started, step_s)
            if newcomer in ends:
                return now_s
            first = min(trial.running, key=ends.__getitem__)
            now_s = ends[first]
            trial.leave(first)

    def _foresee_run(self, place: Place, step_s: float) -> float:
        """Return how long a request that runs, or begins to, will still run."""
        around = self._request_pace.typical()
        before_s = around.before_s if place.first_step_s is None else 0.0
        return before_s + place.steps_left * step_s + around.after_s


def _around_steps(place: Place, left_s: float) -> AroundSteps | None:
    """Return what a request did beside its steps; None: it did not do them all, or only one."""
    started_s, first_s, last_s = place.started_s, place.first_step_s, place.last_step_s
    if started_s is None or first_s is None or last_s is None:
        return None
    if place.steps_left or place.steps_done == 1:
        return None
    step_s = (last_s - first_s) / (place.steps_done - 1)
    return AroundSteps(max(first_s - step_s - started_s, 0.0), left_s - last_s)


def _restarting(hint_s: float) -> ModelNotReady:
    return ModelNotReady(f"the server is starting again; {_try_again(hint_s)}")


def _try_again(seconds: float) -> str:
    return RETRY_HINT.format(seconds=max(math.ceil(seconds), 1))
