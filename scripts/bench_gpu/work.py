"""The work of a picture, counted; and what the chip does in a matrix product, measured."""

import statistics
from collections.abc import Callable
from time import perf_counter

import torch
from torch.utils.flop_counter import FlopCounterMode

from scripts.bench_gpu.networks import Depth, build_networks
from scripts.bench_gpu.sampler import Sampler, draw_conditions
from tests.checkpoints.scale import Scale

_MATRIX_SIDE = {"cuda": 8192, "cpu": 512}
_PRODUCTS = 20  # one after the other, so that starting them does not count
_TERA = 1e12


def count_tflop(scale: Scale, depth: Depth, size_px: int, steps: int) -> float:
    """Return the multiplications and additions of one picture with guidance, in 10^12.

    Nothing is computed: the networks have no weights. A step is counted once, for all are alike.
    """
    meta = torch.device("meta")
    networks = build_networks(scale, depth, meta, torch.bfloat16)
    sampler = Sampler(networks, steps)
    conditions = draw_conditions(scale, 1, size_px, meta, torch.bfloat16)
    with FlopCounterMode(display=False) as step:
        sampler.step_once(conditions)
    with FlopCounterMode(display=False) as decoding:
        sampler.decode(conditions.noise)
    count: int = steps * step.get_total_flops() + decoding.get_total_flops()
    return count / _TERA


def measure_matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of a large matrix product, in 10^12 operations a second."""
    side = _MATRIX_SIDE[device.type]
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(left)

    def multiply() -> None:
        for _ in range(_PRODUCTS):
            torch.mm(left, right, out=out)

    multiply()
    seconds = median_seconds(multiply, device, repeats=5)
    return _PRODUCTS * 2 * side**3 / seconds / _TERA


def median_seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the typical time of `work`, which was done before, for the first time takes longer."""

    def timed() -> float:
        began = perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return perf_counter() - began

    return statistics.median(timed() for _ in range(repeats))
