"""The Grafana dashboard: `python -m scripts.dashboard` writes its JSON from a page of TOML."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docker" / "observability"
PAGE = FOLDER / "dashboard.toml"
DASHBOARD = FOLDER / "dashboard.json"

_GRID_COLUMNS = 24  # Grafana's
_PANELS_A_ROW = 3
_PANEL_HEIGHT = 8
_TITLE_HEIGHT = 1
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_DATASOURCE_VARIABLE = {"name": "datasource", "type": "datasource", "query": "prometheus"}
_NAMESPACE_VARIABLE = {
    "name": "namespace",
    "type": "query",
    "datasource": _DATASOURCE,
    "query": "label_values(instantid_ready, namespace)",
    "refresh": 2,  # whenever the time range changes
    "multi": True,
    "includeAll": True,
    "allValue": ".*",  # outside of Kubernetes nothing has the label
    "current": {"text": "All", "value": "$__all"},
}
_ALERTS = {
    "name": "Alerts",
    "datasource": _DATASOURCE,
    "enable": True,
    "iconColor": "red",
    "expr": 'ALERTS{alertname=~"InstantID.*", alertstate="firing"}',
    "titleFormat": "{{alertname}}",
}


@dataclass(frozen=True)
class Panel:
    """A graph over time."""

    title: str
    unit: str
    queries: Mapping[str, str]  # by legend
    description: str = ""


@dataclass(frozen=True)
class Section:
    """A title, and the panels below it."""

    title: str
    panels: tuple[Panel, ...]


def read_sections(page: str) -> list[Section]:
    """Return what a page lists; raises TypeError for a panel with a key that is none."""
    return [
        Section(section["title"], tuple(Panel(**panel) for panel in section["panel"]))
        for section in tomllib.loads(page)["section"]
    ]


def dashboard(sections: Sequence[Section]) -> dict[str, object]:
    """Return the dashboard as Grafana reads it."""
    return {
        "uid": "instantid",
        "title": "InstantID",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_DATASOURCE_VARIABLE, _NAMESPACE_VARIABLE]},
        "annotations": {"list": [_ALERTS]},
        "panels": _panels(sections),
    }


def render() -> str:
    """Return the text of `dashboard.json`."""
    return json.dumps(dashboard(read_sections(PAGE.read_text())), indent=1) + "\n"


def main() -> int:
    """Write the dashboard."""
    DASHBOARD.write_text(render())
    return 0


def _panels(sections: Sequence[Section]) -> list[dict[str, object]]:
    placed: list[dict[str, object]] = []
    width, top = _GRID_COLUMNS // _PANELS_A_ROW, 0
    for section in sections:
        at = {"x": 0, "y": top, "w": _GRID_COLUMNS, "h": _TITLE_HEIGHT}
        placed.append({"type": "row", "title": section.title, "gridPos": at, "panels": []})
        top += _TITLE_HEIGHT
        for start in range(0, len(section.panels), _PANELS_A_ROW):
            for column, panel in enumerate(section.panels[start : start + _PANELS_A_ROW]):
                at = {"x": column * width, "y": top, "w": width, "h": _PANEL_HEIGHT}
                placed.append(_graph(panel, at))
            top += _PANEL_HEIGHT
    return [{"id": number, **panel} for number, panel in enumerate(placed, start=1)]


def _graph(panel: Panel, at: Mapping[str, int]) -> dict[str, object]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "gridPos": at,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend}
            for index, (legend, expr) in enumerate(panel.queries.items())
        ],
    }


if __name__ == "__main__":
    raise SystemExit(main())
