"""Service curves."""

from pathlib import Path

import pytest

from scripts.cluster.curves import ServiceCurve, read_clock, write_clock

CURVE = ServiceCurve.of({4: 60.0, 2: 40.0})


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        pytest.param(1, 0.04, id="below-the-first-point"),
        pytest.param(2, 0.04, id="at-a-point"),
        pytest.param(3, 0.05, id="between-two"),
        pytest.param(6, 0.08, id="beyond-the-last"),
    ],
)
def test_a_batch_takes_what_the_line_says(rows: int, seconds: float) -> None:
    assert CURVE.seconds(rows) == pytest.approx(seconds)


def test_a_constant_curve_takes_as_long_for_any_batch() -> None:
    assert ServiceCurve.constant(5.0).seconds(16) == 0.005


def test_the_same_rows_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="ascending"):
        ServiceCurve(((2, 1.0), (2, 2.0)))


def test_a_clock_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_clock(tmp_path / "clock.json", CURVE, tmp_path / "gpu")
    assert read_clock(tmp_path / "clock.json") == (CURVE, tmp_path / "gpu")
