"""The bench: the server beside the same networks in one process, same weights, one run.

Every figure is a ratio of two things measured here, one after the other, so that the machine drops
out; only `step_overhead_ms` is a time.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter

from PIL import Image

from instantid_client import Client
from scripts.in_process_release import InProcessRelease
from scripts.local_server import LocalServer, local_server
from scripts.render_profiles import DETECTION_SIZE_PX
from scripts.reports import ROOT, write_report
from scripts.triton_metrics import read_counters
from tests.reference import ReferenceOptions, ReferencePipeline

FACE = ROOT / "tests" / "data" / "portrait_1.png"
PROMPT = "a watercolor portrait of a person with long blond hair, in the mountains"
SIZE_PX = 128
FEW_STEPS = 2  # a second length of the loop, to tell the steps from the rest
TIMEOUT_S = 300.0
STAGES = ("unet", "identitynet")


@dataclass(frozen=True)
class Load:
    """How much is measured."""

    steps: int
    latency_requests: int
    clients: int
    requests_a_client: int


@dataclass(frozen=True)
class Throughput:
    """Pictures a second, and requests an execution of each stage on the way."""

    pictures_per_s: float
    mean_batch: dict[str, float]


def main() -> int:
    """Measure, print and write `build/reports/bench.json`."""
    load = _read_arguments()
    with local_server() as server:
        print(server.ready_line, flush=True)
        figures = measure(server, load)
    for name, value in figures.items():
        print(f"{name:28} {value:10.3f}")
    print(write_report("bench", figures))
    return 0


def measure(server: LocalServer, load: Load) -> dict[str, float]:
    """Return the figures; the server and the process take turns, so that neither is disturbed."""
    in_process = _in_process(num_threads=2)
    with Client(server.grpc_url, timeout_s=TIMEOUT_S) as client:

        def served(steps: int) -> None:
            client.generate(prompt=PROMPT, face_image=FACE, num_inference_steps=steps, seed=1)

        for warm_up in (in_process, served):
            warm_up(FEW_STEPS)
        pairs = [
            (_seconds(in_process, load.steps), _seconds(served, load.steps))
            for _ in range(load.latency_requests)
        ]
        short_pairs = [
            (_seconds(in_process, FEW_STEPS), _seconds(served, FEW_STEPS))
            for _ in range(load.latency_requests)
        ]
    ours, theirs = _medians(pairs)
    ours_short, theirs_short = _medians(short_pairs)
    step_ms = [
        (long - short) / (load.steps - FEW_STEPS) * 1000
        for long, short in ((ours, ours_short), (theirs, theirs_short))
    ]
    together = _throughput(server, load)
    return {
        "latency_ratio": theirs / ours,
        "throughput_ratio": together.pictures_per_s * ours,
        **{f"mean_batch_{stage}": together.mean_batch[stage] for stage in STAGES},
        "step_overhead_ms": step_ms[1] - step_ms[0],
        "in_process_step_ms": step_ms[0],
        "steps": load.steps,
        "clients": load.clients,
    }


def _in_process(num_threads: int) -> Callable[[int], None]:
    """Return the whole request in this process: photo to encoded picture."""
    pipeline = ReferencePipeline(ROOT / "model_repository", num_threads)
    release = InProcessRelease(ROOT / "model_repository")

    def draw(steps: int) -> None:
        photo = Image.open(FACE)
        face = pipeline.find_face(photo, DETECTION_SIZE_PX)
        keypoints = face.kps * (SIZE_PX / photo.width)
        options = ReferenceOptions(PROMPT, num_inference_steps=steps, seed=1)
        (picture,) = pipeline.generate(options, face.embedding, keypoints, SIZE_PX, SIZE_PX)
        pipeline.find_faces(Image.open(BytesIO(release.release(picture))), DETECTION_SIZE_PX)

    return draw


def _throughput(server: LocalServer, load: Load) -> Throughput:
    """Return what `load.clients` get who each ask again as soon as they have their picture."""

    def ask(index: int) -> None:
        with Client(server.grpc_url, timeout_s=TIMEOUT_S) as client:
            for _ in range(load.requests_a_client):
                client.generate(
                    prompt=PROMPT, face_image=FACE, num_inference_steps=load.steps, seed=index
                )

    before = {stage: read_counters(server.metrics_url, stage) for stage in STAGES}
    started = perf_counter()
    with ThreadPoolExecutor(load.clients) as clients:
        list(clients.map(ask, range(load.clients)))
    seconds = perf_counter() - started
    mean_batch = {
        stage: read_counters(server.metrics_url, stage).since(before[stage]).mean_batch
        for stage in STAGES
    }
    return Throughput(load.clients * load.requests_a_client / seconds, mean_batch)


def _seconds(draw: Callable[[int], None], steps: int) -> float:
    started = perf_counter()
    draw(steps)
    return perf_counter() - started


def _medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


def _read_arguments() -> Load:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--latency-requests", type=int, default=7)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests-a-client", type=int, default=3)
    return Load(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
