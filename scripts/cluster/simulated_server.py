"""A simulated server: admission, the loop, the batchers of three stages, and the GPU they share.

As in the profile `single-gpu`. Left out, for they change who waits and not how many: priority
classes, tenants and deadlines. A picture is a request of one picture.
"""

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from math import inf
from random import Random

from simpy import Environment, Event

from instantid_server.serving.limits import AdmissionLimits
from scripts.cluster.batcher import Batcher
from scripts.cluster.pictures import PictureWork


@dataclass(eq=False, slots=True)
class Picture:
    """One request on its way."""

    arrived_s: float
    steps_left: int


class Kind(Enum):
    """The stages that compute on the GPU."""

    IDENTITYNET = 0
    UNET = 1
    VAE_DECODER = 2


class SimulatedServer:
    """One GPU and what serves it."""

    def __init__(
        self,
        environment: Environment,
        work: PictureWork,
        limits: AdmissionLimits,
        random: Random,
        deliver: Callable[[Picture], None],
    ) -> None:
        """Tell `deliver` of every picture that is done."""
        self._environment = environment
        self._work = work
        self._limits = limits
        self._deliver = deliver
        self._waiting: deque[Picture] = deque()
        self._num_running = 0
        self._loop_free_s = 0.0
        self._batchers = {kind: self._batcher(kind) for kind in Kind}
        self._random = random
        self._wake: Event | None = None
        environment.process(self._compute())

    @property
    def load(self) -> int:
        """Pictures that run or wait, as the server's gauges show them."""
        return self._num_running + len(self._waiting)

    def ask(self, picture: Picture) -> bool:
        """Accept a picture; False: it is refused."""
        if self._num_running < self._limits.max_running_pictures:
            self._start(picture)
            return True
        if len(self._waiting) < self._limits.max_waiting:
            self._waiting.append(picture)
            return True
        return False

    def _batcher(self, kind: Kind) -> Batcher[Picture]:
        work = self._work
        if kind is Kind.VAE_DECODER:
            return Batcher((0.0, work.vae_decoder.seconds(1)), work.loses_wakeups)
        curve = work.identitynet if kind is Kind.IDENTITYNET else work.unet
        most = max(work.max_batch_rows // work.rows, 1)
        together = (curve.seconds(pictures * work.rows) for pictures in range(1, most + 1))
        return Batcher((0.0, *together), work.loses_wakeups)

    def _start(self, picture: Picture) -> None:
        self._num_running += 1
        first_step_s = self._environment.now + self._work.before_s
        self._batchers[Kind.IDENTITYNET].put(first_step_s, picture)
        if self._wake is not None and not self._wake.triggered:
            self._wake.succeed()

    def _compute(self) -> Generator[Event, object, None]:
        """Give the GPU to one batch after the other, in the order in which they formed."""
        environment = self._environment
        while True:
            forms_s, kind = self._next_batch()
            if forms_s > environment.now:
                self._wake = environment.event()
                pause = [self._wake]
                if forms_s < inf:
                    pause.append(environment.timeout(forms_s - environment.now))
                yield environment.any_of(pause)
                self._wake = None
                continue
            batch, seconds = self._batchers[kind].take(forms_s)
            yield environment.timeout(seconds)
            self._batchers[kind].be_idle(environment.now)
            self._hand_on(kind, batch)

    def _next_batch(self) -> tuple[float, Kind]:
        """Return the stage whose batch forms first, and when; infinity: nobody waits."""
        first_s, first = inf, Kind.IDENTITYNET
        for kind, batcher in self._batchers.items():
            forms_s = batcher.forms_at()
            if forms_s is not None and forms_s < first_s:
                first_s, first = forms_s, kind
        return first_s, first

    def _hand_on(self, kind: Kind, batch: list[Picture]) -> None:
        handed_on_s = self._environment.now + self._work.hop_s
        for picture in batch:
            match kind:
                case Kind.IDENTITYNET:
                    self._batchers[Kind.UNET].put(handed_on_s, picture)
                    handed_on_s += self._random.expovariate(1.0) * self._work.gap_s
                case Kind.UNET:
                    picture.steps_left -= 1
                    following = Kind.IDENTITYNET if picture.steps_left else Kind.VAE_DECODER
                    self._batchers[following].put(self._leaves_loop_s(), picture)
                case Kind.VAE_DECODER:
                    end = self._environment.timeout(self._work.after_s)
                    end.callbacks.append(partial(self._finish, picture))

    def _leaves_loop_s(self) -> float:
        """Return when the loop has joined the branches of one more picture: one after another."""
        self._loop_free_s = max(self._loop_free_s, self._environment.now) + self._work.loop_s
        return self._loop_free_s

    def _finish(self, picture: Picture, _: Event) -> None:
        self._num_running -= 1
        self._deliver(picture)
        if self._waiting:
            self._start(self._waiting.popleft())
