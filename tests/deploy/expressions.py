"""PromQL expressions of rules, dashboard and autoscalers: which series and labels they speak of."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # no stubs

OBSERVABILITY = Path(__file__).parents[2] / "docker" / "observability"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((OBSERVABILITY / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
AUTOSCALING = OBSERVABILITY.parent / "kubernetes" / "autoscaling"
DASHBOARD: dict[str, Any] = json.loads((OBSERVABILITY / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

_WORDS = {"and", "or", "unless", "on", "by", "without", "group_left", "offset"}
_GROUPING = re.compile(r"\b(?:by|without|on|group_left)\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[[^]]*\]|\boffset \w+")
_SELECTOR = re.compile(r"(?<![\w.:$])([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?(?!\s*\()(?![\w:])")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


@dataclass(frozen=True)
class Matcher:
    """A condition on one label."""

    label: str
    operator: str
    value: str

    def alternatives(self) -> list[str]:
        """Return the patterns of which each is meant to exist; none if something is left out."""
        if self.operator == "=~":
            return self.value.split("|")
        return [re.escape(self.value)] if self.operator == "=" else []


@dataclass(frozen=True)
class Selector:
    """A metric's name and the conditions on its labels."""

    name: str
    matchers: tuple[Matcher, ...]


def rule_expressions() -> list[str]:
    """Return what Prometheus evaluates."""
    return [rule["expr"] for rule in RULES]


def panel_expressions() -> list[str]:
    """Return what Grafana asks."""
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def scaling_expressions() -> list[str]:
    """Return what KEDA asks, and prometheus-adapter for the HorizontalPodAutoscaler."""
    scaled = yaml.safe_load((AUTOSCALING / "keda" / "scaled_object.yaml").read_text())
    adapter = yaml.safe_load((AUTOSCALING / "hpa" / "adapter_rules.yaml").read_text())
    return [
        *(trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]),
        *(rule["metricsQuery"] for rule in adapter["rules"]["custom"]),
    ]


def selectors(expression: str) -> Iterator[Selector]:
    """Yield what an expression reads."""
    plain = _RANGE.sub(" ", _GROUPING.sub(" ", expression))
    for name, conditions in _SELECTOR.findall(plain):
        if name not in _WORDS:
            found = _MATCHER.findall(conditions.replace("\\\\", "\\"))
            yield Selector(name, tuple(Matcher(*matcher) for matcher in found))


def grouped_labels(expression: str) -> set[str]:
    """Return the labels by which an expression groups or joins."""
    lists = ",".join(_GROUPING.findall(expression))
    return {label.strip() for label in lists.split(",")} - {""}


def legend_labels() -> set[str]:
    """Return the labels that the dashboard's legends name."""
    legends = " ".join(t["legendFormat"] for panel in PANELS for t in panel["targets"])
    return set(re.findall(r"\{\{(\w+)\}\}", legends))
