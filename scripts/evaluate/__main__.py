"""`make evaluate`: the tables of the pocket weights, against a running server.

Writes `build/reports/evaluation.json`, `evaluation.md` and the pictures beside it. Missed bars are
told and fail nothing: what fails a build is the gate among the tests.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from scripts.evaluate.album import ask_server, patient_client
from scripts.evaluate.effort import FULL, QUICK
from scripts.evaluate.evaluation import all_cases, judge_album
from scripts.evaluate.report import bar_rows, write_evaluation
from scripts.local_server import local_server
from scripts.reports import ROOT


def main() -> int:
    """Ask, judge, print and write."""
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few persons, in under five minutes")
    parser.add_argument("--url", help="of a running server that asks for no consent")
    parser.add_argument(
        "--repository",
        type=Path,
        default=ROOT / "model_repository",
        help="whose models are served, without --url",
    )
    options = parser.parse_args()
    started = perf_counter()
    effort = QUICK if options.quick else FULL
    with _server_url(options.url, options.repository) as url, patient_client(url) as client:
        album = ask_server(client, all_cases(effort))
    evaluation = judge_album(album, effort)
    for name, figure in {**evaluation.main_table.figures, **evaluation.parts}.items():
        print(
            f"{name:30} {figure.value:7.3f} ± {figure.noise:.3f}, seeds {figure.spread:.3f}, "
            f"ceiling {figure.ceiling:.3f}"
        )
    figures = {"seconds": perf_counter() - started, **evaluation.flat()}
    for figure_name, bar, value, verdict in bar_rows(figures):
        print(f"{figure_name:30} {bar:>8} {value:>8} {verdict}")
    print(*write_evaluation(evaluation, figures), sep="\n")
    return 0


@contextlib.contextmanager
def _server_url(url: str | None, repository: Path) -> Iterator[str]:
    """Yield where a server listens: the one that is given, or one for as long as the block."""
    if url is not None:
        yield url
        return
    with local_server(models=repository) as server:
        print(server.ready_line, flush=True)
        yield server.grpc_url


if __name__ == "__main__":
    sys.exit(main())
