"""A clean fake of Triton for every test."""

from collections.abc import Iterator

import pytest
import triton_python_backend_utils as pb_utils


@pytest.fixture(autouse=True)
def clean_triton() -> Iterator[None]:
    pb_utils.MODELS.clear()
    pb_utils.Logger.lines.clear()
    pb_utils.METRICS.clear()
    yield
    pb_utils.MODELS.clear()
