"""The spans themselves, by OpenTelemetry. Imported only where traces are asked for.

An attribute is a name, a count or a code; never a tensor, a prompt, a photo or the text of an
exception.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from instantid_server.contract import TRACE_PARAMETER
from instantid_server.errors import InstantIDError
from instantid_server.observe.metrics import OUTCOME_OK
from instantid_server.observe.record import RequestRecord

_DEFAULT_SERVICE = "instantid"
_SERVICE_VARIABLE = "OTEL_SERVICE_NAME"

_propagator = TraceContextTextMapPropagator()


class SpanTracing:
    """Makes spans and gives them to a provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(__name__)

    @contextmanager
    def serving(self, record: RequestRecord) -> Iterator[None]:
        """Span a public model's request; without a client's context it begins a trace."""
        with self._span(record.model, SpanKind.SERVER, _context(record.traceparent)) as span:
            yield
            span.set_attribute("instantid.request_id", record.request_id)
            span.set_attribute("instantid.outcome", record.outcome)
            span.set_attribute("instantid.pictures", record.num_pictures)
            span.set_attribute("instantid.steps", record.timings.num_steps)
            if record.outcome != OUTCOME_OK:
                span.set_status(Status(StatusCode.ERROR, record.outcome))

    @contextmanager
    def calling(self, model: str) -> Iterator[Mapping[str, str]]:
        """Span a call of `model`, if the caller is traced."""
        if not trace.get_current_span().get_span_context().is_valid:
            yield {}
            return
        with self._span(f"call {model}", SpanKind.CLIENT, None) as span:
            parameters: dict[str, str] = {}
            _propagator.inject(parameters)
            try:
                yield {TRACE_PARAMETER: parameters[TRACE_PARAMETER]}
            except InstantIDError as error:
                span.set_status(Status(StatusCode.ERROR, error.code))
                raise

    @contextmanager
    def executing(self, model: str, traceparents: Iterable[str]) -> Iterator[None]:
        """Span a stage's execution once for each traced request of the batch."""
        contexts = [_context(traceparent) for traceparent in traceparents]
        spans = [
            self._tracer.start_span(model, context, SpanKind.SERVER)
            for context in contexts
            if trace.get_current_span(context).get_span_context().is_valid
        ]
        if not spans:
            yield
            return
        first, *others = spans
        for span in others:
            span.add_link(first.get_span_context())
        try:
            with trace.use_span(first, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            for span in spans:
                span.set_attribute("instantid.batch_requests", len(contexts))
                span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    @contextmanager
    def _span(self, name: str, kind: SpanKind, context: Context | None) -> Iterator[Span]:
        # OpenTelemetry would write an exception's text and traceback into the span.
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span


def connect(environment: Mapping[str, str]) -> SpanTracing:
    """Return tracing that sends to the collector of OpenTelemetry's own variables."""
    name = environment.get(_SERVICE_VARIABLE, _DEFAULT_SERVICE)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return SpanTracing(provider)


def _context(traceparent: str) -> Context:
    return _propagator.extract({TRACE_PARAMETER: traceparent}, Context())
