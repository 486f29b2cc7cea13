"""What a soak makes of its samples."""

import os

import pytest

from scripts.soak import Soak, growth
from scripts.steady.endings import Ended, Ending
from scripts.steady.memory import sample_memory


def test_growth_leaves_out_the_warm_up() -> None:
    assert growth([0.0] * 25 + [100.0] * 75) == 0.0


def test_growth_compares_the_last_third_with_the_first() -> None:
    assert growth([100.0] * 50 + [110.0] * 50) == pytest.approx(0.1)
    assert growth([100.0] * 50 + [90.0] * 50) == pytest.approx(-0.1)


def test_what_exceeds_its_limit_is_named() -> None:
    picture = Ended("gRPC", 0.0, 1.0, Ending.PICTURE, code="")
    failed = Ended("HTTP", 0.0, 1.0, Ending.ERROR, code="STAGE_FAILED", message="it failed")
    soak = Soak((picture, failed), {"unet": 0.03, "triton": 0.01}, {"gRPC": 0.2})
    assert soak.wrongs(memory_growth=0.02, latency_growth=0.1) == [
        "HTTP: typed error STAGE_FAILED it failed",
        "memory of unet has grown by 3.0%",
        "latency of gRPC has grown by 20.0%",
    ]


def test_memory_of_this_process_is_read() -> None:
    sample = sample_memory(os.getpid()).kib()
    assert sample["entry"] > 1000
    assert sample["/dev/shm"] == 0
