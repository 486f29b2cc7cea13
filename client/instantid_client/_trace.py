"""The caller's place in a distributed trace, if the program uses OpenTelemetry."""

import sys

from instantid_server.contract import TRACE_PARAMETER


def current_traceparent() -> str | None:
    """Return the W3C trace context of OpenTelemetry's current span; None if there is none.

    A span can only be current in a program that has imported OpenTelemetry, so the client needs
    neither the package nor the time to import it.
    """
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(TRACE_PARAMETER)
