"""The table of metrics in `model_repository/README.md` is what the server publishes."""

import re
from pathlib import Path

from instantid_server.observe.metrics import METRICS, Metric, MetricKind

README = (Path(__file__).parents[2] / "model_repository" / "README.md").read_text()


def test_every_metric_has_a_row_in_its_order() -> None:
    written = re.findall(r"^\| (`instantid_\w+`) \| ([^|]+) \| ([^|]+) \|$", README, re.MULTILINE)
    assert written == [row_of(metric) for metric in METRICS]


def row_of(metric: Metric) -> tuple[str, str, str]:
    labels = ["model", metric.label] if metric.label else ["model"]
    text = f"{metric.kind.lower()}: {metric.description[0].lower()}{metric.description[1:]}"
    return f"`{metric.name}`", ", ".join(f"`{label}`" for label in labels), text


def test_names_say_the_unit() -> None:
    counters = {metric.name for metric in METRICS if metric.kind is MetricKind.COUNTER}
    assert {metric.name for metric in METRICS if metric.name.endswith("_total")} == counters
    timed = {metric.name for metric in METRICS if "From arrival" in metric.description}
    assert {metric.name for metric in METRICS if metric.name.endswith("_seconds")} == timed
