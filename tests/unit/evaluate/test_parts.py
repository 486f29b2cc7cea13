"""By how much the parts of the method beat one another."""

import pytest

from scripts.evaluate.figure import Figure
from scripts.evaluate.parts import BOTH, IDENTITYNET, NONE, TOKENS, smallest_margin


def part(*by_seed: float) -> Figure:
    return Figure(by_seed, noise=0.0, ceiling=1.0)


def test_margin_is_that_of_the_closest_seeds() -> None:
    parts = {
        BOTH: part(0.9, 0.8),
        TOKENS: part(0.5, 0.6),
        IDENTITYNET: part(0.3, 0.2),
        NONE: part(0.0, 0.1),
    }
    assert smallest_margin(parts) == pytest.approx(0.1)  # IdentityNet's worst, nothing's best


def test_margin_is_negative_where_one_seed_says_otherwise() -> None:
    parts = {
        BOTH: part(0.9, 0.55),
        TOKENS: part(0.5, 0.6),
        IDENTITYNET: part(0.3, 0.3),
        NONE: part(0.0, 0.1),
    }
    assert smallest_margin(parts) == pytest.approx(-0.05)
