"""Triton's own counters, read from its metrics page."""

import re
from dataclasses import astuple, dataclass
from typing import Self
from urllib.request import urlopen

_COUNTERS = (  # in the order of StageCounters
    "nv_inference_request_success",
    "nv_inference_exec_count",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
)


@dataclass(frozen=True)
class StageCounters:
    """What one model has done, and where the time of its requests went, each one's added up."""

    requests: int
    executions: int
    queue_us: int
    input_us: int
    infer_us: int
    output_us: int

    def since(self, before: Self) -> "StageCounters":
        """Return what was done after `before`."""
        pairs = zip(astuple(self), astuple(before), strict=True)
        return StageCounters(*(now - then for now, then in pairs))

    @property
    def mean_batch(self) -> float:
        """Requests an execution; 0 without any."""
        return self.requests / self.executions if self.executions else 0.0


def read_counters(metrics_url: str, model: str) -> StageCounters:
    """Return the counters of `model`.

    `metrics_url` is host and port. Raises ValueError if the page does not know the model.
    """
    with urlopen(f"http://{metrics_url}/metrics") as answer:
        page = answer.read().decode()
    return counters_on(page, model)


def counters_on(page: str, model: str) -> StageCounters:
    """Return the counters of `model` on a metrics page, of all GPUs together."""
    counts = []
    for counter in _COUNTERS:
        line = rf'^{counter}{{[^}}]*model="{model}"[^}}]*}} (\d+)'
        found = re.findall(line, page, re.MULTILINE)
        if not found:
            raise ValueError(f"Triton's metrics have no {counter} of {model}")
        counts.append(sum(map(int, found)))
    return StageCounters(*counts)
