"""The cluster: `make cluster`, or `python -m scripts.cluster --validate` with real servers too."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.cluster.answers import RUNNING, burst_arrivals, cold_starts, load_curve, targets
from scripts.cluster.balancing import Balancing
from scripts.cluster.findings import Findings
from scripts.cluster.pictures import BOUND, EAGER, PictureWork
from scripts.cluster.report import write_cluster_report
from scripts.cluster.sizing import Sizing, size
from scripts.cluster.validation import Comparison, validate
from scripts.load.records import read_records
from scripts.reports import write_report

_RATES = (1.0, 10.0, 100.0)
_HIGHEST_RATE = 1000.0


def main() -> int:
    """Simulate, print, and write `build/reports/cluster.json` and `cluster.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--validate", action="store_true", help="compare with real servers")
    parser.add_argument("--full", action="store_true", help="1000 pictures a second as well")
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="arrivals of locust's --records, not a burst"
    )
    options = parser.parse_args()
    comparisons = _validate() if options.validate else []
    arrivals = _arrivals(options.trace)
    rates = (*_RATES, _HIGHEST_RATE) if options.full else _RATES
    findings = Findings(
        bound_sizes=_sizes(BOUND, rates),
        eager_sizes=_sizes(EAGER, rates),
        load_curves={number: load_curve(EAGER, number) for number in RUNNING},
        cold_starts=list(cold_starts(arrivals)),
        targets=list(targets(arrivals)),
        comparisons=comparisons,
    )
    figures = findings.figures()
    for name, value in figures.items():
        print(f"{name:44} {value:10.3f}")
    print(write_report("cluster", figures))
    print(write_cluster_report(findings))
    return 0


def _validate() -> list[Comparison]:
    _say("one, two and three servers in clock mode")
    return validate()


def _sizes(work: PictureWork, rates: Sequence[float]) -> list[Sizing]:
    sizes = []
    for rate in rates:
        _say(f"{rate:g} pictures a second, {work.alone_s:.2f} s each")
        sizes += [size(work, rate, balancing) for balancing in Balancing]
    return sizes


def _arrivals(trace: Path | None) -> list[float]:
    if trace is None:
        return burst_arrivals(EAGER)
    return sorted(record.scheduled_s for record in read_records(trace))


def _say(what: str) -> None:
    print(f"-- {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
