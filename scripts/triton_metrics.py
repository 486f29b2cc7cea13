"""Triton's own counters, read from its metrics page."""

import re
from urllib.request import urlopen

_COUNTERS = ("nv_inference_request_success", "nv_inference_exec_count")


def requests_and_executions(metrics_url: str, model: str) -> tuple[int, int]:
    """Return how many requests `model` has answered, in how many executions.

    `metrics_url` is host and port. Raises ValueError if the page does not know the model.
    """
    with urlopen(f"http://{metrics_url}/metrics") as answer:
        page = answer.read().decode()
    counts = []
    for counter in _COUNTERS:
        found = re.search(rf'^{counter}{{model="{model}",version="1"}} (\d+)', page, re.MULTILINE)
        if found is None:
            raise ValueError(f"Triton's metrics have no {counter} of {model}")
        counts.append(int(found[1]))
    requests, executions = counts
    return requests, executions
