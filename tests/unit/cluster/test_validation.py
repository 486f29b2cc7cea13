"""How a simulation is held against real servers."""

from dataclasses import replace

import pytest

from scripts.cluster.validation import Comparison, largest_error
from scripts.load.figures import read_figures
from scripts.load.records import ANSWERED, Record

SECONDS = 10.0


def comparison(real_s: float, simulated_s: float) -> Comparison:
    real, simulated = (
        read_figures([Record(5.0, 5.0, 5.0 + latency_s, ANSWERED, False)], SECONDS, 1.0)
        for latency_s in (real_s, simulated_s)
    )
    return Comparison(1, 0.1, real, simulated, cpu_share=0.1)


def test_errors_are_shares_of_what_was_real() -> None:
    assert comparison(2.0, 2.2).errors() == pytest.approx(
        {"p50": 0.1, "p95": 0.1, "pictures_per_s": 0.0}
    )


def test_the_largest_error_counts_whichever_way_it_goes() -> None:
    near, far = comparison(2.0, 2.2), comparison(2.0, 1.4)
    assert largest_error([near, far]) == pytest.approx(0.3)
    assert largest_error([replace(near, num_servers=2)]) == pytest.approx(0.1)
