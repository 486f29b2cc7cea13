"""What rules, dashboard and autoscalers ask for, a running server answers, by name and by label."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.request import urlopen

import pytest

from tests.deploy.expressions import (
    RECORDED,
    RULES,
    Matcher,
    Selector,
    grouped_labels,
    legend_labels,
    panel_expressions,
    rule_expressions,
    scaling_expressions,
    selectors,
)
from tests.e2e.patience import wait_until
from tests.e2e.server import RunningServer

pytestmark = pytest.mark.triton

# Names and a label in Triton's metrics of GPUs, of which it has none here.
ONLY_WITH_GPUS = {"nv_gpu_utilization", "nv_gpu_memory_used_bytes", "nv_gpu_memory_total_bytes"}
LABELS_ONLY_WITH_GPUS = {"gpu_uuid"}
OF_PROMETHEUS = {"up"}
PLACE = {"namespace", "instance"}  # labels that the scrape configs add
PATIENCE_S = 30.0  # metrics are published once a second, on cores that may be busy


@dataclass(frozen=True)
class Series:
    """One line of a page, without its value."""

    name: str
    labels: dict[str, str]

    def fits(self, name: str, label: str, pattern: str) -> bool:
        """Tell whether it has the name and a label of that form."""
        return self.name == name and re.fullmatch(pattern, self.labels.get(label, "")) is not None


def scrape(url: str, job: str) -> list[Series]:
    """Return the series of a page as Prometheus takes them."""
    with urlopen(f"http://{url}/metrics") as answer:
        lines = re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", answer.read().decode(), re.MULTILINE)
    return [
        Series(name, {**dict(re.findall(r'(\w+)="([^"]*)"', labels)), "job": job})
        for name, labels in lines
    ]


def scrape_both(server: RunningServer) -> list[Series]:
    """Return what Prometheus knows of a server, when all of it is published."""
    published: list[Series] = []

    def is_there() -> bool:
        published[:] = scrape(server.metrics_url, "instantid")
        return any(series.name == "instantid_pictures_total" for series in published)

    wait_until(is_there, PATIENCE_S, "the public models have published their metrics")
    return [*published, *scrape(server.control_url, "instantid-control")]


def asked() -> list[Selector]:
    expressions = [*rule_expressions(), *panel_expressions(), *scaling_expressions()]
    return [selector for expression in expressions for selector in selectors(expression)]


def unfit(selector: Selector, everything: list[Series]) -> Iterable[Matcher]:
    """Yield the conditions of a selector that no series of its name ever meets."""
    for matcher in selector.matchers:
        if matcher.label in PLACE:
            continue
        for pattern in matcher.alternatives():
            if not any(one.fits(selector.name, matcher.label, pattern) for one in everything):
                yield matcher


def test_every_series_that_is_asked_for_is_there(server: RunningServer) -> None:
    everything = scrape_both(server)
    names = {series.name for series in everything}
    missing = {s.name for s in asked()} - RECORDED - OF_PROMETHEUS - names
    assert missing == ONLY_WITH_GPUS
    selected = [selector for selector in asked() if selector.name in names]
    assert {(s.name, m) for s in selected for m in unfit(s, everything)} == set()


def test_every_label_that_is_named_exists(server: RunningServer) -> None:
    written = {label for rule in RULES for label in rule.get("labels", {}) if "record" in rule}
    known = {label for series in scrape_both(server) for label in series.labels} | PLACE | written
    expressions = [*rule_expressions(), *panel_expressions()]
    named = {label for expression in expressions for label in grouped_labels(expression)}
    matched = {m.label for selector in asked() for m in selector.matchers}
    assert (named | matched | legend_labels()) - known == LABELS_ONLY_WITH_GPUS


def test_entry_process_says_what_it_serves(server: RunningServer) -> None:
    with urlopen(f"http://{server.control_url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "instantid_ready 1" in lines
    assert 'instantid_model_ready{model="denoise_step"} 1' in lines
    assert "instantid_max_running_pictures 8" in lines
