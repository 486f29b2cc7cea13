"""The entry process's own page of metrics, in Prometheus' text format.

Triton's page goes down with Triton, and its gauges stand still when a public model dies. This one
is answered by the process that outlives both, so alerts on readiness and restarts ask it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from instantid_server import __version__
from instantid_server.contract import MODELS
from instantid_server.observe.metrics import Metric, MetricKind
from instantid_server.serving.admission import AdmissionSnapshot
from instantid_server.serving.state import Phase, ServerState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

IS_READY = Metric(
    "instantid_ready", MetricKind.GAUGE, "1 while a request that came now would be served"
)
PHASE = Metric(
    "instantid_phase", MetricKind.GAUGE, "1 for what the server is about", "phase", tuple(Phase)
)
MODEL_READY = Metric(
    "instantid_model_ready",
    MetricKind.GAUGE,
    "1 while the model answers, of those in the repositories",
    "model",
    (),
)
STAGE_RELOADS = Metric(
    "instantid_stage_reloads_total",
    MetricKind.COUNTER,
    "Models that were loaded again because they broke",
    "model",
    tuple(MODELS),
)
TRITON_RESTARTS = Metric(
    "instantid_triton_restarts_total", MetricKind.COUNTER, "How often Triton was started again"
)
RUNNING_REQUESTS = Metric(
    "instantid_running_requests", MetricKind.GAUGE, "Requests that run, of all public models"
)
RUNNING_PICTURES = Metric(
    "instantid_running_pictures", MetricKind.GAUGE, "Pictures of the requests that run"
)
MAX_RUNNING_PICTURES = Metric(
    "instantid_max_running_pictures", MetricKind.GAUGE, "How many pictures may run at once"
)
WAITING_REQUESTS = Metric(
    "instantid_waiting_requests", MetricKind.GAUGE, "Requests that wait, of all public models"
)
MAX_WAITING_REQUESTS = Metric(
    "instantid_max_waiting_requests", MetricKind.GAUGE, "How many requests may wait at once"
)
RECORDS_FREE = Metric(
    "instantid_records_free_bytes",
    MetricKind.GAUGE,
    "Free bytes where pictures are put on record; 0 also if that place is gone",
)
BUILD = Metric("instantid_build_info", MetricKind.GAUGE, "Always 1", "version", (__version__,))
START_TIME = Metric(
    "process_start_time_seconds",
    MetricKind.GAUGE,
    "When the entry process began, in seconds of Unix time",
)

ENTRY_METRICS = (
    IS_READY,
    PHASE,
    MODEL_READY,
    STAGE_RELOADS,
    TRITON_RESTARTS,
    RUNNING_REQUESTS,
    RUNNING_PICTURES,
    MAX_RUNNING_PICTURES,
    WAITING_REQUESTS,
    MAX_WAITING_REQUESTS,
    RECORDS_FREE,
    BUILD,
    START_TIME,
)


@dataclass(frozen=True)
class Moment:
    """What the page tells of."""

    state: ServerState
    is_ready: bool
    ready_models: Mapping[str, bool]
    admission: AdmissionSnapshot
    records_free_bytes: int
    began_s: float  # Unix time


def metrics_page(moment: Moment) -> str:
    """Return the page; what a series may count is there with a zero before its first event."""
    values = _values(moment)
    lines = []
    for metric in ENTRY_METRICS:
        lines.append(f"# HELP {metric.name} {metric.description}")
        lines.append(f"# TYPE {metric.name} {metric.kind.lower()}")
        for label_value in metric.values or values[metric]:
            label = f'{{{metric.label}="{label_value}"}}' if metric.label else ""
            lines.append(f"{metric.name}{label} {values[metric].get(label_value, 0)}")
    return "\n".join(lines) + "\n"


def _values(moment: Moment) -> dict[Metric, Mapping[str, float]]:
    """Return each metric's values by that of its label; those left out are 0."""
    state, admission = moment.state, moment.admission
    levels = {
        IS_READY: int(moment.is_ready),
        TRITON_RESTARTS: state.restarts,
        RUNNING_REQUESTS: admission.running,
        RUNNING_PICTURES: admission.running_pictures,
        MAX_RUNNING_PICTURES: admission.max_running_pictures,
        WAITING_REQUESTS: admission.waiting,
        MAX_WAITING_REQUESTS: admission.max_waiting,
        RECORDS_FREE: moment.records_free_bytes,
        START_TIME: moment.began_s,
    }
    return {
        **{metric: {"": level} for metric, level in levels.items()},
        PHASE: {state.phase: 1},
        MODEL_READY: {model: int(is_ready) for model, is_ready in moment.ready_models.items()},
        STAGE_RELOADS: state.reloads,
        BUILD: {__version__: 1},
    }
