"""A simulated cluster: arrivals, servers that come and go, and what becomes of every request."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from simpy import Environment, Event

from instantid_server.contract import ErrorCode
from instantid_server.serving.limits import AdmissionLimits
from scripts.cluster.autoscaling import Autoscaler, ScalingPolicy
from scripts.cluster.balancing import Balancing, balancer
from scripts.cluster.pictures import PictureWork
from scripts.cluster.simulated_server import Picture, SimulatedServer
from scripts.load.records import ANSWERED, Record

LIMITS = AdmissionLimits(max_running_pictures=8, max_waiting=32)  # as in the profile single-gpu


@dataclass(frozen=True)
class Scenario:
    """What is simulated."""

    work: PictureWork
    num_servers: int  # at the start
    limits: AdmissionLimits = LIMITS
    balancing: Balancing = Balancing.ROUND_ROBIN
    scaling: ScalingPolicy | None = None  # None: always as many servers
    seed: int = 0  # of what chance decides in the servers


@dataclass(frozen=True)
class Outcome:
    """What became of every request, and what it cost."""

    records: Sequence[Record]
    servers: Sequence[tuple[float, int]]  # from when on so many were paid for; the last: the end

    @property
    def gpu_seconds(self) -> float:
        """From each server's order to its end, or to the end of the last request."""
        return sum(number * (end - begin) for (begin, number), (end, _) in pairwise(self.servers))


class Cluster:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, arrivals: Sequence[float]) -> None:
        self._scenario = scenario
        self._arrivals = arrivals
        self._environment = Environment()
        self._random = Random(scenario.seed)
        self._choose = balancer(scenario.balancing)
        self._records: list[Record] = []
        self._all_ended = self._environment.event()
        self._num_starting = 0
        self._ready = [self._new_server() for _ in range(scenario.num_servers)]
        self._leaving: list[SimulatedServer] = []
        self._history = [(0.0, scenario.num_servers)]

    def run(self) -> Outcome:
        """Simulate until every request has ended."""
        self._environment.process(self._arrive())
        if self._scenario.scaling is not None:
            self._environment.process(self._scale(self._scenario.scaling))
        if self._arrivals:
            self._environment.run(until=self._all_ended)
        self._note_servers()
        return Outcome(self._records, self._history)

    def _new_server(self) -> SimulatedServer:
        scenario = self._scenario
        return SimulatedServer(
            self._environment, scenario.work, scenario.limits, self._random, self._deliver
        )

    def _arrive(self) -> Generator[Event, object, None]:
        for moment in self._arrivals:
            yield self._environment.timeout(moment - self._environment.now)
            picture = Picture(moment, self._scenario.work.steps)
            if not self._choose(self._ready).ask(picture):
                self._note(picture, ErrorCode.OVERLOADED, refused=True)

    def _deliver(self, picture: Picture) -> None:
        self._note(picture, ANSWERED, refused=False)
        self._end_leavers()

    def _note(self, picture: Picture, outcome: str, refused: bool) -> None:
        arrived_s, now_s = picture.arrived_s, self._environment.now
        self._records.append(Record(arrived_s, arrived_s, now_s, outcome, refused))
        if len(self._records) == len(self._arrivals):
            self._all_ended.succeed()

    def _scale(self, policy: ScalingPolicy) -> Generator[Event, object, None]:
        autoscaler = Autoscaler(policy)
        while True:
            yield self._environment.timeout(policy.poll_s)
            load = sum(server.load for server in self._ready)
            ordered = len(self._ready) + self._num_starting
            wanted = autoscaler.recommend(self._environment.now, load, ordered)
            for _ in range(ordered, wanted):
                self._environment.process(self._cold_start(policy.cold_start_s))
            for _ in range(wanted, min(ordered, len(self._ready) + wanted - 1)):
                self._leave()

    def _cold_start(self, seconds: float) -> Generator[Event, object, None]:
        self._num_starting += 1
        self._note_servers()
        yield self._environment.timeout(seconds)
        self._num_starting -= 1
        self._ready.append(self._new_server())

    def _leave(self) -> None:
        """Send the least loaded server no more requests; it ends when it has answered its own."""
        leaver = min(self._ready, key=lambda server: server.load)
        self._ready.remove(leaver)
        self._leaving.append(leaver)
        self._end_leavers()

    def _end_leavers(self) -> None:
        if self._leaving:
            self._leaving = [server for server in self._leaving if server.load]
            self._note_servers()

    def _note_servers(self) -> None:
        number = len(self._ready) + self._num_starting + len(self._leaving)
        self._history.append((self._environment.now, number))


def simulate(scenario: Scenario, arrivals: Sequence[float]) -> Outcome:
    """Return what becomes of requests that come at ascending `arrivals`."""
    return Cluster(scenario, arrivals).run()
