"""Runs locust with our locustfile, in a process of its own, and returns what its callers saw."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from instantid_server.contract import INSTANTID
from scripts.load.records import Record, read_records
from scripts.load.workloads import DEFAULT_SCALE, Scale
from scripts.reports import ROOT

LOCUSTFILE = ROOT / "tests" / "load" / "locustfile.py"
_LAST_ANSWER_S = 300  # how long callers wait for what is under way when the time is up


@dataclass(frozen=True)
class Calls:
    """Who calls, how often, and for what."""

    url: str
    user: str  # a class of the locustfile
    seconds: int
    workload: str = "headline"
    scale: Scale = DEFAULT_SCALE
    model: str = INSTANTID.name
    clients: int = 1  # of a closed loop
    rate: float = 1.0  # arrivals a second, of Poisson callers
    burst: int = 0  # that many at once instead
    deadline_s: float | None = None
    seed: int = 0


def make_calls(calls: Calls) -> list[Record]:
    """Return the record of every request, in the order in which they ended."""
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder, "records.jsonl")
        # locust exits with 1 when any request has failed; the records tell more.
        locust = subprocess.run(
            [sys.executable, "-m", "locust", *_arguments(calls), "--records", str(records)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if not records.exists():
            raise RuntimeError(f"locust wrote no records; it said\n{locust.stderr}")
        return read_records(records)


def _arguments(calls: Calls) -> list[str]:
    options = {
        "--locustfile": LOCUSTFILE,
        "--host": calls.url,
        "--run-time": f"{calls.seconds}s",
        "--stop-timeout": f"{_LAST_ANSWER_S}s",
        "--loglevel": "ERROR",
        "--users": calls.clients,
        "--spawn-rate": calls.clients,
        "--workload": calls.workload,
        "--side-px": calls.scale.side_px,
        "--steps": calls.scale.steps,
        "--model": calls.model,
        "--rate": calls.rate,
        "--burst": calls.burst,
        "--deadline-s": calls.deadline_s or 0,
        "--seed": calls.seed,
    }
    named = [text for option, value in options.items() for text in (option, str(value))]
    return ["--headless", "--only-summary", *named, calls.user]
