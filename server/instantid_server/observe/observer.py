"""Watches the requests of one public model, for its metrics, its log and its traces."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from instantid_server.caller import Caller
from instantid_server.observe.publisher import MetricsPublisher
from instantid_server.observe.record import RequestRecord
from instantid_server.observe.request_log import log_request
from instantid_server.observe.tally import Tally
from instantid_server.observe.tracing import Tracing


class Observer:
    """One for each model; `family` and `failure` are Triton's, see MetricsPublisher."""

    def __init__(
        self, model: str, family: type[Any], failure: type[Exception], tracing: Tracing
    ) -> None:
        self._model = model
        self._tally = Tally()
        self._publisher = MetricsPublisher(self._tally, model, family, failure)
        self._tracing = tracing

    def start(self) -> None:
        """Begin to publish."""
        self._publisher.start()

    def stop(self) -> None:
        """Publish the rest and end."""
        self._publisher.stop()
        self._tracing.close()

    def arrive(self, caller: Caller) -> RequestRecord:
        """Return the record of a request that has just come in."""
        return RequestRecord(self._model, caller, self._tally)

    @contextmanager
    def watch(self, record: RequestRecord) -> Iterator[None]:
        """Trace a request inside the `with` block, in which it must end, and log it after."""
        with self._tracing.serving(record):
            yield
        log_request(record)
