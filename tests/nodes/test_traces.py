"""Traces through the whole chain of nodes, collected in memory."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from batches import LETS_IN, TRITON_TEXT, request_of, stage_inputs
from bls import serve_chain, serve_error, serve_faces
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from public_requests import picture_request
from triton_python_backend_utils import TritonError

from instantid_server import adapter
from instantid_server.contract import TRACE_PARAMETER
from instantid_server.observe.spans import SpanTracing
from instantid_server.observe.tracing import COLLECTOR_VARIABLE

pytestmark = pytest.mark.usefixtures("plain_pictures")

LoadNode = Callable[[str], Any]

TRACE_ID, SPAN_ID = 0xABCD, 0x1234
TRACEPARENT = f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"
OTHER_TRACEPARENT = f"00-{TRACE_ID + 1:032x}-{SPAN_ID:016x}-01"
# The root, then what it called, in order; each call has the span of its stage below it.
CALLS = ["face_analysis", "text_encoder", "id_resampler", "denoise_step", "denoise_step"]
CALLS += ["vae_decoder", "credentials", "face_analysis"]


class Traces:
    """Collects the spans of every node in this process."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = SpanTracing(provider)

    def spans(self) -> list[ReadableSpan]:
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans() if span.name == name]

    def below(self, parent: ReadableSpan) -> list[str]:
        """Return the names of the span's children."""
        return [
            span.name
            for span in self.spans()
            if span.parent is not None and span.parent.span_id == parent.context.span_id
        ]


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Traces:
    traces = Traces()
    monkeypatch.setattr(adapter, "_tracing", traces.tracing)
    return traces


@pytest.fixture
def node(traces: Traces, load_node: LoadNode) -> Iterator[Any]:
    serve_chain(load_node)
    return load_node("instantid")


def run(node: Any, parameters: dict[str, Any], **options: Any) -> None:
    node.execute([request_of(picture_request(**options), "r-1", parameters)])
    node.finalize()


def test_request_belongs_to_the_clients_trace(node: Any, traces: Traces) -> None:
    run(node, {TRACE_PARAMETER: TRACEPARENT})
    (root,) = traces.named("instantid")
    assert root.parent is not None
    assert root.parent.span_id == SPAN_ID
    assert {span.context.trace_id for span in traces.spans()} == {TRACE_ID}


@pytest.mark.parametrize("traceparent", ["", "00-nonsense"])
def test_request_without_a_context_begins_a_trace(
    node: Any, traces: Traces, traceparent: str
) -> None:
    run(node, {TRACE_PARAMETER: traceparent})
    (root,) = traces.named("instantid")
    assert root.parent is None
    assert len({span.context.trace_id for span in traces.spans()}) == 1


def test_every_stage_call_has_a_span_and_the_stage_one_below_it(node: Any, traces: Traces) -> None:
    run(node, {})
    (root,) = traces.named("instantid")
    assert traces.below(root) == [f"call {model}" for model in CALLS]
    assert traces.below(traces.named("call text_encoder")[0]) == ["text_encoder"]


def test_ensemble_hands_the_trace_to_both_networks(node: Any, traces: Traces) -> None:
    run(node, {})
    for call in traces.named("call denoise_step"):
        assert traces.below(call) == ["identitynet", "unet"]


def test_stage_that_calls_others_carries_the_trace_on(node: Any, traces: Traces) -> None:
    run(node, {})
    for span in traces.named("face_analysis"):
        assert traces.below(span)[0] == "call face_detector"


def execute_together(node: Any, *traceparents: str) -> None:
    """Let a face_analysis node execute a batch with a request for each context."""
    inputs = stage_inputs("face_analysis", 1)
    parameters = [{TRACE_PARAMETER: traceparent, **LETS_IN} for traceparent in traceparents]
    node.execute([request_of(inputs, parameters=given) for given in parameters])


def test_each_traced_request_of_a_batch_has_a_span_in_its_own_trace(
    traces: Traces, load_node: LoadNode
) -> None:
    serve_faces()
    execute_together(load_node("face_analysis"), TRACEPARENT, OTHER_TRACEPARENT, "")
    first, second = traces.named("face_analysis")
    assert (first.context.trace_id, second.context.trace_id) == (TRACE_ID, TRACE_ID + 1)
    assert [span.attributes["instantid.batch_requests"] for span in (first, second)] == [3, 3]


def test_what_a_batch_calls_is_below_its_first_request_and_linked_from_the_others(
    traces: Traces, load_node: LoadNode
) -> None:
    serve_faces()
    execute_together(load_node("face_analysis"), TRACEPARENT, OTHER_TRACEPARENT)
    first, second = traces.named("face_analysis")
    assert "call face_detector" in traces.below(first)
    assert traces.below(second) == []
    assert [link.context.span_id for link in second.links] == [first.context.span_id]


def test_failed_request_has_its_code_and_no_words_in_its_trace(node: Any, traces: Traces) -> None:
    serve_error("vae_decoder", TRITON_TEXT, TritonError.INTERNAL)
    run(node, {})
    (root,), (call,) = traces.named("instantid"), traces.named("call vae_decoder")
    assert (root.status.description, call.status.description) == ("STAGE_FAILED", "STAGE_FAILED")
    assert [span.events for span in traces.spans() if span.events] == []


def test_attributes_are_names_counts_and_codes(node: Any, traces: Traces) -> None:
    run(node, {}, prompt="a secret wish")
    (root,) = traces.named("instantid")
    assert root.attributes == {
        "instantid.request_id": "r-1",
        "instantid.outcome": "OK",
        "instantid.pictures": 1,
        "instantid.steps": 2,
    }
    keys = {key for span in traces.spans() for key in span.attributes or {}}
    assert keys == {*root.attributes, "instantid.batch_requests"}


@pytest.mark.parametrize(
    ("environment", "imported"),
    [({}, False), ({COLLECTOR_VARIABLE: "http://127.0.0.1:4318"}, True)],
    ids=["off", "on"],
)
def test_opentelemetry_is_imported_only_where_a_collector_is_named(
    environment: dict[str, str], imported: bool
) -> None:
    program = "import sys, instantid_server.adapter; print('opentelemetry' in sys.modules)"
    folders = ":".join(path for path in sys.path if path)
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": folders, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == str(imported)
