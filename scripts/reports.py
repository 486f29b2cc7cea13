"""Figures of a run, kept as `build/reports/<name>.json` so that two runs can be compared."""

import json
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "build" / "reports"


def write_report(name: str, figures: Mapping[str, float | int | str]) -> Path:
    """Write flat `figures` and return where."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    path = REPORTS / f"{name}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n")
    return path
