"""Callers who never stop until they are told to; what became of every request is kept."""

import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeAlias

from instantid_client import Client, Generation
from scripts.steady.endings import Ended, Ending, failed
from scripts.steady.pictures import KnownPicture

TIMEOUT_S = 60.0  # of a request: a server that is silent for longer has forgotten it
_PAUSE_S = 0.5  # after an error, for a person would not hammer either

# Sends a request and returns every generation that came back.
_Way: TypeAlias = Callable[[Mapping[str, Any]], Sequence[Generation]]


class SteadyLoad:
    """One caller for each way of calling: gRPC, HTTP, and a gRPC stream."""

    def __init__(
        self, grpc_url: str, http_url: str, pictures: Sequence[KnownPicture], judge_every: int = 1
    ) -> None:
        """Judge one picture in `judge_every`; the others have only to be there."""
        self.ended: list[Ended] = []  # grows at its end
        self._pictures = pictures
        self._judge_every = judge_every
        self._stop = threading.Event()
        self._clients = [
            Client(grpc_url, timeout_s=TIMEOUT_S),
            Client(http_url, protocol="http", timeout_s=TIMEOUT_S),
        ]
        over_grpc, over_http = self._clients
        ways: dict[str, _Way] = {
            "gRPC": lambda request: [over_grpc.generate(**request)],
            "HTTP": lambda request: [over_http.generate(**request)],
            "stream": lambda request: _generations(over_grpc, request),
        }
        self._threads = [
            threading.Thread(target=self._call, args=(name, way)) for name, way in ways.items()
        ]

    def __enter__(self) -> Self:
        """Begin to call."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Send nothing more, and wait for what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()

    def since(self, moment_s: float) -> list[Ended]:
        """Return what has ended after a moment of the monotonic clock."""
        return [one for one in self.ended.copy() if one.ended_s >= moment_s]

    def ways(self) -> int:
        """Return how many callers there are."""
        return len(self._threads)

    def _call(self, name: str, way: _Way) -> None:
        number = 0
        while not self._stop.is_set():
            known = self._pictures[number % len(self._pictures)]
            ended = self._ask(name, way, known, judged=number % self._judge_every == 0)
            self.ended.append(ended)
            number += 1
            if not ended.is_picture:
                self._stop.wait(_PAUSE_S)

    def _ask(self, name: str, way: _Way, known: KnownPicture, judged: bool) -> Ended:
        began_s = monotonic()
        try:
            generations = way(known.request)
        except Exception as error:  # what is no InstantIDError is judged as well
            return failed(name, began_s, error)
        ended_s = monotonic()
        ending = Ending.PICTURE
        if len(generations) != 1:
            ending = Ending.TWICE
        elif judged and not known.is_right(generations[0].pictures[0]):
            ending = Ending.WRONG_PICTURE
        return Ended(name, began_s, ended_s, ending, code="")


def _generations(client: Client, request: Mapping[str, Any]) -> list[Generation]:
    """Return the generations among the events of a stream."""
    return [event for event in client.stream(**request) if isinstance(event, Generation)]
