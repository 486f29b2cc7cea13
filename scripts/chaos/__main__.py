"""Break a server under load: `make chaos`, or `python -m scripts.chaos --minutes 2`."""

import argparse
import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from time import monotonic

from instantid_server.contract import GENERATING_MODELS
from scripts.chaos.act import Act, play
from scripts.chaos.faults import Fault, cancels, stage_models, stalls, stub_kills
from scripts.chaos.small_disks import is_allowed, play_on_small_disks
from scripts.chaos.watching import Aftermath
from scripts.reports import REPORTS, write_report
from scripts.steady.pictures import KnownPicture, draw_known_pictures

STEPS = 8
SEED = 1


def main() -> int:
    """Play, print, and write `build/reports/chaos.json` and `chaos.md`; fail on a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="at least (default: 10)")
    parser.add_argument("--cancels", type=int, default=1000, help="(default: 1000)")
    options = parser.parse_args()
    until = monotonic() + options.minutes * 60
    acts = {}
    if is_allowed():
        acts["full disks"] = play_on_small_disks(STEPS)
    else:
        print("-- full disks: left out, this user may not mount disks in a namespace", flush=True)
    pictures = draw_known_pictures(STEPS)
    acts["processes and callers"] = play(_faults(pictures, options.cancels, until), pictures)
    wrongs = [wrong for act in acts.values() for wrong in act.wrongs]
    print("\n".join(wrongs))
    print(write_report("chaos", {"violations": len(wrongs), **_endings(acts)}))
    print(_write_page(acts))
    return 1 if wrongs else 0


def _faults(pictures: tuple[KnownPicture, ...], num_cancels: int, until: float) -> Iterator[Fault]:
    """Yield every fault once, then kill stages at random until the time is up.

    An orchestrator is killed once only: after a few restarts in a short time a server gives up, as
    it should.
    """
    yield from stub_kills(stage_models())
    yield cancels(pictures[0].request, num_cancels, SEED)
    yield stalls(pictures[1].request)
    yield from stub_kills(GENERATING_MODELS)
    draw = random.Random(SEED)
    while monotonic() < until:
        yield from stub_kills((draw.choice(stage_models()),))


def _endings(acts: Mapping[str, Act]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for act in acts.values():
        for ending, count in act.endings.items():
            counts[ending] = counts.get(ending, 0) + count
    return counts


def _write_page(acts: Mapping[str, Act]) -> Path:
    path = REPORTS / "chaos.md"
    path.write_text("\n".join(_page(acts)) + "\n")
    return path


def _page(acts: Mapping[str, Act]) -> Iterable[str]:
    yield "# Chaos"
    for name, act in acts.items():
        yield f"\n## {name.capitalize()}\n"
        yield "Seconds after the fault; errors are what callers saw.\n"
        yield "| fault | not ready | ready | last error | all served | errors |"
        yield "| --- | --- | --- | --- | --- | --- |"
        yield from (_row(aftermath) for aftermath in act.aftermaths)
        endings = ", ".join(f"{count} {ending}" for ending, count in act.endings.items())
        yield f"\nRequests: {endings}. SIGTERM ended the server in {act.drained_in_s:.1f} s.\n"
        yield from (f"- {wrong}" for wrong in act.wrongs)


def _row(aftermath: Aftermath) -> str:
    errors = ", ".join(f"{count} {code}" for code, count in aftermath.errors.items())
    cells = (
        aftermath.fault,
        _seconds(aftermath.unready_after_s),
        _seconds(aftermath.ready_after_s),
        _seconds(aftermath.hurt_for_s),
        _seconds(aftermath.served_after_s),
        errors or "none",
    )
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
