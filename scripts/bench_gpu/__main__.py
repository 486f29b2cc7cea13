"""Climb the ladder on one GPU, or on the CPU at toy size to see that it stands.

    make bench-gpu                              # random weights of SDXL's size, 1024, 768, 512 px
    make bench-gpu ARGS="--toy"                 # random toys on the CPU, a minute
    make bench-gpu ARGS="--repository DIR"      # then also behind Triton, with weights of that size

Every rung's rate is the work of the first one delivered a second, so that leaving work out counts
as speed. Figures go to build/reports/bench_gpu.json.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from scripts.bench_gpu.climb import Climb, Course
from scripts.bench_gpu.networks import SDXL_DEPTH, TOY_DEPTH
from scripts.bench_gpu.served import Load, measure_served
from scripts.reports import write_report
from tests.checkpoints.scale import FULL, REDUCED

_SERVED_PROFILE = "single-gpu"


def main() -> int:
    """Measure, print and write the report; return 1 where there is no GPU to climb on."""
    arguments = _read_arguments()
    if not arguments.toy and not torch.cuda.is_available():
        print("no GPU is at hand: --toy climbs on the CPU", file=sys.stderr)
        return 1
    course = _course(arguments)
    machine = "CPU" if arguments.toy else torch.cuda.get_device_name(course.device)
    figures: dict[str, float | int | str] = {"machine": machine, "steps": course.steps}
    climb = Climb(course)
    figures["matmul_tflops"] = climb.matmul_tflops
    print(f"{machine}: {climb.matmul_tflops:.1f} TFLOP/s in matrix products of {course.dtype}")
    print(f"{'rung':14}{'px':>6}{'s/picture':>11}{'TFLOP/s':>9}{'share':>7}{'PSNR dB':>9} lossless")
    for footing in climb.footings():
        print(
            f"{footing.rung:14}{footing.size_px:6}{footing.seconds_per_picture:11.3f}"
            f"{footing.tflops:9.1f}{footing.matmul_share:7.2f}{footing.psnr_db:9.1f} "
            f"{'yes' if footing.lossless else 'no'}",
            flush=True,
        )
        figures.update(footing.figures())
    if arguments.repository is not None:
        del climb  # its memory is for the server
        torch.cuda.empty_cache()
        served = measure_served(_load(arguments, course))
        for name, value in served.items():
            print(f"{name:40}{value:10.4f}")
        figures.update(served)
    print(write_report("bench_gpu", figures))
    return 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--toy", action="store_true", help="small networks, on the CPU")
    parser.add_argument("--pixels", type=int, nargs="+", metavar="SIDE", help="sizes of pictures")
    parser.add_argument("--steps", type=int, help="of a picture (default: 30, toy: 3)")
    parser.add_argument("--repeats", type=int, help="of each figure (default: 5, toy: 1)")
    parser.add_argument("--repository", type=Path, help="serve this one, too")
    return parser.parse_args()


def _course(arguments: argparse.Namespace) -> Course:
    if arguments.toy:
        cpu = torch.device("cpu")
        course = Course(REDUCED, TOY_DEPTH, cpu, torch.float32, (64,), steps=3, repeats=1)
    else:
        gpu = torch.device("cuda")
        sizes_px = (1024, 768, 512)
        course = Course(FULL, SDXL_DEPTH, gpu, torch.bfloat16, sizes_px, steps=30, repeats=5)
    given = {
        "sizes_px": arguments.pixels,
        "steps": arguments.steps,
        "repeats": arguments.repeats,
    }
    return replace(course, **{name: value for name, value in given.items() if value is not None})


def _load(arguments: argparse.Namespace, course: Course) -> Load:
    return Load(
        repository=arguments.repository,
        profile=None if arguments.toy else _SERVED_PROFILE,
        size_px=course.sizes_px[0],
        steps=course.steps,
        repeats=course.repeats,
    )


if __name__ == "__main__":
    sys.exit(main())
