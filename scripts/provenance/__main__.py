"""`make provenance`: marks, credentials and noise put to the test; writes `provenance.json`."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

from scripts.provenance import credentials, identity, marks, noise
from scripts.provenance.bars import BARS, SPEED_BARS, violations
from scripts.reports import write_report


def main() -> int:
    """Measure, print and write `build/reports/provenance.json`; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.provenance", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of everything, a minute in all")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = dict(credentials.measure(options.quick))  # alone, for its times have bars
    with ProcessPoolExecutor(2, get_context("spawn"), torch.set_num_threads, (1,)) as processes:
        parts = [processes.submit(part.measure, options.quick) for part in (noise, marks, identity)]
        for measured in parts:
            figures |= measured.result()
    for name, value in figures.items():
        print(f"{name:44} {value:10.4g}")
    missed = violations(figures, BARS + SPEED_BARS)
    print("\n".join(missed))
    print(write_report("provenance", {"violations": len(missed), **figures}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
