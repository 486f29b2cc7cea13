"""An hour of steady load: memory and latency stay where they are, and so do the pictures."""

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep

from scripts.local_server import local_server
from scripts.reports import write_report
from scripts.steady.endings import Ended
from scripts.steady.load import SteadyLoad
from scripts.steady.memory import sample_memory
from scripts.steady.pictures import KnownPicture, draw_known_pictures

STEPS = 8
JUDGE_EVERY = 50
MEMORY_GROWTH = 0.02
LATENCY_GROWTH = 0.1  # a median of a few hundred requests moves by some percent by chance
_WARM_UP = 0.25  # the share of the time in which caches and buffers fill
_SAMPLES = 240


@dataclass(frozen=True)
class Server:
    """What a soak needs to know of a running server."""

    grpc_url: str
    http_url: str
    entry_pid: int


@dataclass(frozen=True)
class Soak:
    """What happened. Growth is from the first third after the warm-up to the last one."""

    ended: tuple[Ended, ...]
    memory_growth: Mapping[str, float]  # by process, and of /dev/shm
    latency_growth: Mapping[str, float]  # by way of calling

    def wrongs(self, memory_growth: float, latency_growth: float) -> list[str]:
        """Return in words which requests brought no right picture, and what grew too much."""
        return [
            *(one.in_words() for one in self.ended if not one.is_picture),
            *_exceeding("memory", self.memory_growth, memory_growth),
            *_exceeding("latency", self.latency_growth, latency_growth),
        ]


def main() -> int:
    """Soak, print, and write `build/reports/soak.json`; fail on a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="(default: 60)")
    options = parser.parse_args()
    pictures = draw_known_pictures(STEPS)
    with local_server() as running:
        print(running.ready_line, flush=True)
        server = Server(running.grpc_url, running.http_url, running.process.pid)
        result = soak(server, pictures, options.minutes * 60, JUDGE_EVERY)
    wrongs = result.wrongs(MEMORY_GROWTH, LATENCY_GROWTH)
    print("\n".join(wrongs))
    growth = {f"growth_of_{name}": value for name, value in result.memory_growth.items()}
    growth |= {f"latency_growth_{name}": value for name, value in result.latency_growth.items()}
    figures = {"violations": len(wrongs), "requests": len(result.ended), **growth}
    print(write_report("soak", figures))
    return 1 if wrongs else 0


def soak(
    server: Server, pictures: Sequence[KnownPicture], seconds: float, judge_every: int
) -> Soak:
    """Load a server for so long, and look at its memory all the while."""
    samples: list[dict[str, int]] = []
    began = monotonic()
    with SteadyLoad(server.grpc_url, server.http_url, pictures, judge_every) as load:
        while monotonic() < began + seconds:
            sleep(seconds / _SAMPLES)
            samples.append(sample_memory(server.entry_pid).kib())
    ended = tuple(load.ended)
    return Soak(
        ended=ended,
        memory_growth={
            name: growth([sample.get(name, 0) for sample in samples]) for name in samples[-1]
        },
        latency_growth={
            way: growth([one.ended_s - one.began_s for one in ended if one.way == way])
            for way in sorted({one.way for one in ended})
        },
    )


def growth(values: Sequence[float]) -> float:
    """Return by what share the median grows from the first third after the warm-up to the last."""
    warm = values[round(_WARM_UP * len(values)) :]
    third = max(1, len(warm) // 3)
    early = statistics.median(warm[:third])
    return statistics.median(warm[-third:]) / early - 1 if early else 0.0


def _exceeding(what: str, grown: Mapping[str, float], limit: float) -> list[str]:
    return [
        f"{what} of {name} has grown by {share:.1%}"
        for name, share in grown.items()
        if share > limit
    ]


if __name__ == "__main__":
    sys.exit(main())
