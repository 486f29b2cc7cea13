"""The work of a picture, counted."""

import pytest

from scripts.bench_gpu.networks import SDXL_DEPTH
from scripts.bench_gpu.work import count_tflop
from tests.checkpoints.scale import FULL

# Counted from the layers' shapes, without torch: convolutions, linear layers, attention.
TFLOP_OF_1024_PX = 596.7


def test_picture_of_sdxl_with_identitynet_is_as_much_work_as_its_layers_say() -> None:
    counted = count_tflop(FULL, SDXL_DEPTH, 1024, steps=30)
    assert counted == pytest.approx(TFLOP_OF_1024_PX, rel=0.01)
