"""The ladder on toys: every rung stands, and draws the picture of the first."""

import pytest
import torch

from scripts.bench_gpu.climb import Climb, Course, Footing
from scripts.bench_gpu.networks import TOY_DEPTH
from scripts.bench_gpu.rungs import LADDER
from tests.checkpoints.scale import REDUCED

SIZE_PX = 64
RUNGS = [rung for rung in LADDER if rung.pictures == 1]

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script_method.:DeprecationWarning")


@pytest.fixture(scope="module")
def footings() -> list[Footing]:
    cpu = torch.device("cpu")
    course = Course(REDUCED, TOY_DEPTH, cpu, torch.float32, (SIZE_PX,), steps=1, repeats=1)
    return list(Climb(course).footings(RUNGS))


def test_every_rung_is_reached(footings: list[Footing]) -> None:
    assert [footing.rung for footing in footings] == [rung.name for rung in RUNGS]
    assert all(footing.seconds_per_picture > 0 for footing in footings)
    assert all(footing.matmul_share > 0 for footing in footings)


def test_rungs_below_the_vae_in_bfloat16_change_no_picture(footings: list[Footing]) -> None:
    of_rung = {footing.rung: footing for footing in footings}
    for name in ("eager", "channels_last", "fused_qkv", "cached", "compiled"):
        assert of_rung[name].psnr_db > 90, name


def test_figures_have_a_name_of_their_own(footings: list[Footing]) -> None:
    names = [name for footing in footings for name in footing.figures()]
    assert len(set(names)) == len(names)
    assert f"compiled_{SIZE_PX}_seconds_per_picture" in names
