"""The climb: every rung at every size, timed and compared with the first."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scripts.bench_gpu.networks import Depth, build_networks
from scripts.bench_gpu.rungs import LADDER, Rung
from scripts.bench_gpu.sampler import Conditions, Sampler, draw_conditions
from scripts.bench_gpu.work import count_tflop, measure_matmul_tflops, median_seconds
from tests.checkpoints.scale import Scale

EXACT_DB = 200.0  # stands for no difference at all
# A change may differ from the first rung by twice the rounding of the first rung itself, which a
# picture shows that is drawn alone and in a batch.
LOSSLESS_MARGIN_DB = 6.0


@dataclass(frozen=True)
class Course:
    """What is climbed, and how often each rung is timed."""

    scale: Scale
    depth: Depth
    device: torch.device
    dtype: torch.dtype
    sizes_px: Sequence[int]
    steps: int
    repeats: int


@dataclass(frozen=True)
class Footing:
    """What one rung brings at one size."""

    rung: str
    size_px: int
    seconds_per_picture: float
    tflops: float  # of the work of the first rung, delivered a second
    matmul_share: float
    psnr_db: float  # against the first rung
    lossless: bool

    def figures(self) -> Mapping[str, float]:
        """Return the figures under names for a flat report."""
        prefix = f"{self.rung}_{self.size_px}"
        return {
            f"{prefix}_seconds_per_picture": self.seconds_per_picture,
            f"{prefix}_tflops": self.tflops,
            f"{prefix}_matmul_share": self.matmul_share,
            f"{prefix}_psnr_db": self.psnr_db,
            f"{prefix}_lossless": float(self.lossless),
        }


class Climb:
    """One set of networks on its way up."""

    def __init__(self, course: Course) -> None:
        self._course = course
        networks = build_networks(course.scale, course.depth, course.device, course.dtype)
        self._sampler = Sampler(networks, course.steps)
        self.matmul_tflops = measure_matmul_tflops(course.device, course.dtype)
        self._tflop = {
            size: count_tflop(course.scale, course.depth, size, course.steps)
            for size in course.sizes_px
        }
        self._first = {size: self._draw(size, pictures=1) for size in course.sizes_px}
        self._rounding_db = {
            size: psnr_db(self._draw(size, pictures=2), self._first[size])
            for size in course.sizes_px
        }

    def footings(self, ladder: Sequence[Rung] = LADDER) -> Iterator[Footing]:
        """Yield every rung at every size; each rung changes the networks for those above."""
        for rung in ladder:
            rung.change(self._sampler)
            for size_px in self._course.sizes_px:
                yield self._measure(rung, size_px)

    def _measure(self, rung: Rung, size_px: int) -> Footing:
        course = self._course
        conditions = self._conditions(size_px, rung.pictures)
        likeness_db = psnr_db(self._draw(size_px, rung.pictures), self._first[size_px])
        seconds = median_seconds(
            lambda: self._sampler.draw(conditions), course.device, course.repeats
        )
        seconds_per_picture = seconds / rung.pictures
        tflops = self._tflop[size_px] / seconds_per_picture
        return Footing(
            rung=rung.name,
            size_px=size_px,
            seconds_per_picture=seconds_per_picture,
            tflops=tflops,
            matmul_share=tflops / self.matmul_tflops,
            psnr_db=likeness_db,
            lossless=likeness_db >= self._rounding_db[size_px] - LOSSLESS_MARGIN_DB,
        )

    def _draw(self, size_px: int, pictures: int) -> Tensor:
        """Return the pixels of the first picture of a batch."""
        drawn = self._sampler.draw(self._conditions(size_px, pictures))
        return drawn[0].cpu()

    def _conditions(self, size_px: int, pictures: int) -> Conditions:
        course = self._course
        return draw_conditions(course.scale, pictures, size_px, course.device, course.dtype)


def psnr_db(pixels: Tensor, expected: Tensor) -> float:
    """Return how close two pictures are, by the range of the expected one."""
    error = float((pixels - expected).square().mean().sqrt())
    span = float(expected.max() - expected.min())
    return EXACT_DB if error == 0 else 20 * math.log10(span / error)
