"""What is measured: the name, kind and label of every metric of the public models.

Each series also carries the label `model`. Steps a second are `rate(instantid_steps_total)`, the
mean batch of a stage is `instantid_step_batch_requests_total` over `instantid_step_calls_total`.
"""

from dataclasses import dataclass
from enum import StrEnum

from instantid_server.contract import IDENTITYNET, UNET, ErrorCode

OUTCOME_OK = "OK"  # beside the codes of errors

# From a pocket picture (a second) to a real one that had to wait.
_DURATION_BUCKETS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)
# Cosines: strangers are near 0, one person's photos mostly above 0.4.
_SIMILARITY_BUCKETS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class MetricKind(StrEnum):
    """Triton's names of the kinds."""

    COUNTER = "COUNTER"
    GAUGE = "GAUGE"
    HISTOGRAM = "HISTOGRAM"


@dataclass(frozen=True)
class Metric:
    """One metric; with a label it has a series for each of the values, and no other."""

    name: str
    kind: MetricKind
    description: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    buckets: tuple[float, ...] = ()


WAITING = Metric("instantid_requests_waiting", MetricKind.GAUGE, "Requests that wait to run")
IN_FLIGHT = Metric("instantid_requests_in_flight", MetricKind.GAUGE, "Requests that run")
ADMITTED = Metric(
    "instantid_requests_admitted_total", MetricKind.COUNTER, "Requests that were let in"
)
REFUSED = Metric(
    "instantid_requests_refused_total",
    MetricKind.COUNTER,
    "Requests that were sent away before they ran, by the code of the refusal",
    "code",
    (
        ErrorCode.OVERLOADED,
        ErrorCode.DRAINING,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.MODEL_NOT_READY,
    ),
)
ENDED = Metric(
    "instantid_requests_ended_total",
    MetricKind.COUNTER,
    "Requests that were answered: OK, or the code of the error",
    "outcome",
    (OUTCOME_OK, *ErrorCode),
)
PICTURES = Metric("instantid_pictures_total", MetricKind.COUNTER, "Pictures delivered")
STEPS = Metric("instantid_steps_total", MetricKind.COUNTER, "Denoising steps done")
WASTED_STEPS = Metric(
    "instantid_wasted_steps_total",
    MetricKind.COUNTER,
    "Denoising steps of requests that delivered no picture",
)
STEP_CALLS = Metric(
    "instantid_step_calls_total",
    MetricKind.COUNTER,
    "Steps in which the stage was asked",
    "stage",
    (UNET.name, IDENTITYNET.name),
)
STEP_BATCH_REQUESTS = Metric(
    "instantid_step_batch_requests_total",
    MetricKind.COUNTER,
    "Requests that shared the executions that answered those steps",
    "stage",
    (UNET.name, IDENTITYNET.name),
)
DURATION = Metric(
    "instantid_request_duration_seconds",
    MetricKind.HISTOGRAM,
    "From arrival to the answer of requests that delivered pictures",
    buckets=_DURATION_BUCKETS,
)
FIRST_PREVIEW = Metric(
    "instantid_first_preview_seconds",
    MetricKind.HISTOGRAM,
    "From arrival to the first preview",
    buckets=_DURATION_BUCKETS,
)
SIMILARITY = Metric(
    "instantid_identity_similarity",
    MetricKind.HISTOGRAM,
    "Cosine of the reference and the face in a delivered picture that has one",
    buckets=_SIMILARITY_BUCKETS,
)

METRICS = (
    WAITING,
    IN_FLIGHT,
    ADMITTED,
    REFUSED,
    ENDED,
    PICTURES,
    STEPS,
    WASTED_STEPS,
    STEP_CALLS,
    STEP_BATCH_REQUESTS,
    DURATION,
    FIRST_PREVIEW,
    SIMILARITY,
)
