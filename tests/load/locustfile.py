"""Callers for locust, over gRPC or HTTP: one request after another, or at moments of their own.

    locust -f tests/load/locustfile.py --headless --host 127.0.0.1:8001 -t 60s GrpcPoisson --rate 2
    locust -f tests/load/locustfile.py --headless --host 127.0.0.1:8000 -t 60s -u 8 HttpClosedLoop

Run it in the root of the repository. A Poisson caller does not wait for answers, and its latencies
count from the moment at which a request was due, so a slow server cannot hide behind its callers.
"""

import os
import sys
from abc import abstractmethod
from argparse import ArgumentParser
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

# locust comes first: it makes sockets and threads cooperative, which tritonclient then uses.
# isort: off
import locust
import gevent
from grpc.experimental import gevent as grpc_gevent  # type: ignore[import-untyped]  # has no types

# isort: on
from geventhttpclient import HTTPParseError
from tritonclient import grpc, http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from instantid_server.contract import INSTANTID, TENANT_PARAMETER
from scripts.load.arrivals import poisson_arrivals
from scripts.load.records import ANSWERED, Record, outcome_of, write_records
from scripts.load.workloads import DEFAULT_SCALE, WORKLOADS, Requests, Scale

grpc_gevent.init_gevent()
# Every call of gRPC that is under way holds one of gevent's threads. With the ten that there are by
# default, the eleventh answer would not be seen before the first one is.
gevent.get_hub().threadpool.maxsize = 1000

UNANSWERED_AFTER_S = 300.0  # no server is this slow; the test must end all the same
MICROSECONDS = 1_000_000

_records: list[Record] = []
_users = count()


@locust.events.init_command_line_parser.add_listener
def add_arguments(parser: ArgumentParser) -> None:
    """Add our options to locust's."""
    parser.add_argument("--rate", type=float, default=1.0, help="arrivals a second (Poisson)")
    parser.add_argument("--burst", type=int, default=0, help="this many at once instead (Poisson)")
    parser.add_argument("--workload", choices=[*WORKLOADS], default="headline")
    parser.add_argument(
        "--side-px", type=int, default=DEFAULT_SCALE.side_px, help="of the headline"
    )
    parser.add_argument("--steps", type=int, default=DEFAULT_SCALE.steps, help="of the headline")
    parser.add_argument("--deadline-s", type=float, default=0.0, help="of each request; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="of arrivals and requests")
    parser.add_argument("--model", default=INSTANTID.name)
    parser.add_argument("--records", default="", metavar="FILE", help="write each request's fate")


@locust.events.quitting.add_listener
def keep_records(environment: Any) -> None:
    """Write what became of the requests, once all of them have ended."""
    if environment.parsed_options.records:
        write_records(Path(environment.parsed_options.records), _records)


@locust.events.quit.add_listener
def end(exit_code: int) -> None:
    """End without waiting for threads: now and then, those of gRPC's gevent never end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


class Caller(locust.User):
    """Sends requests and writes down what became of them."""

    abstract = True
    protocol: ClassVar[Any]  # a module of tritonclient

    def on_start(self) -> None:
        """Connect, and decide what to ask for."""
        self.options = self.environment.parsed_options
        self.seed = self.options.seed * 1000 + next(_users)  # no two users ask for the same
        scale = Scale(self.options.side_px, self.options.steps)
        self.requests = Requests(WORKLOADS[self.options.workload], scale, self.seed)
        self.connection = self.connect(self.environment.host)
        self.began = monotonic()

    @abstractmethod
    def connect(self, url: str) -> Any:
        """Return a client of the user's protocol."""

    @abstractmethod
    def send(self, inputs: list[Any], timeout_us: int | None) -> None:
        """Send one request and wait for its answer."""

    def ask(self, scheduled: float) -> None:
        """Send the next request, which was due at `scheduled`."""
        inputs = [self._input(name, array) for name, array in self.requests.draw().items()]
        deadline_s = self.options.deadline_s or None
        timeout_us = None if deadline_s is None else int(deadline_s * MICROSECONDS)
        outcome, refused, failure = ANSWERED, False, None
        sent = monotonic()
        try:
            self.send(inputs, timeout_us)
        except (InferenceServerException, HTTPParseError, OSError) as error:
            failure = error
            outcome, refused = outcome_of(str(error), monotonic() - sent, deadline_s)
        ended = monotonic()
        moments = (scheduled - self.began, sent - self.began, ended - self.began)
        _records.append(Record(*moments, outcome, refused))
        self.environment.events.request.fire(
            request_type=type(self).__name__,
            name=self.options.workload,
            response_time=(ended - scheduled) * 1000,
            response_length=0,
            exception=failure,
            context={},
        )

    def _input(self, name: str, array: Any) -> Any:
        tensor = self.protocol.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        return tensor


class GrpcCaller(Caller):
    """Speaks gRPC."""

    abstract = True
    protocol = grpc

    def connect(self, url: str) -> Any:
        """Return a client with a channel of its own."""
        return grpc.InferenceServerClient(url)

    def send(self, inputs: list[Any], timeout_us: int | None) -> None:
        """Send one request and wait for its answer."""
        self.connection.infer(
            self.options.model,
            inputs,
            timeout=timeout_us,
            client_timeout=UNANSWERED_AFTER_S,
            parameters={TENANT_PARAMETER: type(self).__name__},
        )


class HttpCaller(Caller):
    """Speaks HTTP."""

    abstract = True
    protocol = http

    def connect(self, url: str) -> Any:
        """Return a client with as many connections as could be needed."""
        return http.InferenceServerClient(url, concurrency=256, network_timeout=UNANSWERED_AFTER_S)

    def send(self, inputs: list[Any], timeout_us: int | None) -> None:
        """Send one request and wait for its answer."""
        self.connection.infer(
            self.options.model,
            inputs,
            timeout=timeout_us,
            parameters={TENANT_PARAMETER: type(self).__name__},
        )


class ClosedLoop(Caller):
    """Asks again as soon as it has its answer."""

    abstract = True

    @locust.task
    def ask_again(self) -> None:
        """Send one request, due now."""
        self.ask(monotonic())


class Poisson(Caller):
    """Asks at random moments, or everything at once, whatever became of the requests before."""

    abstract = True
    fixed_count = 1  # one is any number of callers

    @locust.task
    def arrive(self) -> None:
        """Send everything that is due within the run time, and wait for all answers."""
        moments = [0.0] * self.options.burst
        if not moments:
            moments = poisson_arrivals(self.options.rate, self.options.run_time, self.seed)
        arrivals = []
        for moment in moments:
            scheduled = self.began + moment
            gevent.sleep(max(0.0, scheduled - monotonic()))
            arrivals.append(gevent.spawn(self.ask, scheduled))
        gevent.joinall(arrivals)
        gevent.sleep(max(0.0, self.began + self.options.run_time - monotonic()))


class GrpcClosedLoop(ClosedLoop, GrpcCaller):
    """Asks again as soon as it has its answer, over gRPC."""


class HttpClosedLoop(ClosedLoop, HttpCaller):
    """Asks again as soon as it has its answer, over HTTP."""


class GrpcPoisson(Poisson, GrpcCaller):
    """Asks at random moments, over gRPC."""


class HttpPoisson(Poisson, HttpCaller):
    """Asks at random moments, over HTTP."""
