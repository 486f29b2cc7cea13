"""Traces: where a request's time goes, across the models it passes through.

Off, and without a cost, unless the server's environment names a collector. The W3C context travels
as the request parameter `traceparent`: from the client, through every stage call, into the stages.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from instantid_server.observe.record import RequestRecord

COLLECTOR_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Tracing(Protocol):
    """Makes the spans of one model."""

    def serving(self, record: RequestRecord) -> AbstractContextManager[None]:
        """Span a public model's request."""
        ...

    def calling(self, model: str) -> AbstractContextManager[Mapping[str, str]]:
        """Span a call of `model`, if the caller is traced; yields the parameters to send along."""
        ...

    def executing(self, model: str, traceparents: Iterable[str]) -> AbstractContextManager[None]:
        """Span a stage's execution once for each request of the batch that is traced.

        Calls that the stage makes meanwhile are below the first of them; the others link to it.
        """
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTracing:
    """Makes no spans."""

    def serving(self, record: RequestRecord) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def calling(self, model: str) -> AbstractContextManager[Mapping[str, str]]:
        """Send nothing along."""
        return nullcontext({})

    def executing(self, model: str, traceparents: Iterable[str]) -> AbstractContextManager[None]:
        """Do nothing, and do not look for contexts either."""
        return nullcontext()

    def close(self) -> None:
        """Do nothing."""


def start_tracing(environment: Mapping[str, str]) -> Tracing:
    """Return the tracing that the environment asks for."""
    if not environment.get(COLLECTOR_VARIABLE):
        return NoTracing()
    # Imported only here: half a hundred modules that an untraced server has no use for.
    from instantid_server.observe.spans import connect

    return connect(environment)
