"""The ratios that a load test is judged by, and the page that shows them."""

from pathlib import Path

import pytest

from scripts.load import report
from scripts.load.measured import ratios
from tests.unit.load.measurements import measured


def test_throughput_is_compared_with_one_process_one_by_one() -> None:
    figures = ratios(measured())
    assert figures["throughput_ratio"] == pytest.approx(1.5)
    assert figures["throughput_ratio_unbatched"] == pytest.approx(0.9)
    assert figures["throughput_ratio_one_queue"] == pytest.approx(1.4)
    assert figures["latency_ratio"] == pytest.approx(1.1)


def test_gain_is_compared_with_what_the_networks_could_give() -> None:
    # 20 steps of 40 ms in a second; at four requests a batch each step costs 20 ms: 0.6 s remain.
    figures = ratios(measured())
    assert figures["batch_gain_foreseen"] == pytest.approx(1 / 0.6)
    assert figures["batch_gain_kept"] == pytest.approx(1.5 * 0.6)


def test_overhead_is_what_a_step_takes_beyond_one_process() -> None:
    figures = ratios(measured())
    assert figures["step_overhead_ms"] == pytest.approx(1.5)
    assert figures["floor_ms"] == pytest.approx(1.2)
    assert figures["step_beyond_networks_ms"] == pytest.approx(41.5 - 15 - 25)


def test_goodput_kept_is_that_of_the_highest_rate_over_the_best() -> None:
    assert ratios(measured())["goodput_kept"] == pytest.approx(1.3 / 1.3)
    assert ratios(measured())["refusal_p99_ms"] == pytest.approx(30)


def test_page_has_a_row_for_every_arm_and_every_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "REPORTS", tmp_path)
    page = report.write_load_report(measured(), ratios(measured())).read_text()
    for row in (
        "(a) one process",
        "(b) one Python",
        "(c) ours",
        "(d) ours",
        "(e) ours",
        "1.5 x capacity",
    ):
        assert f"| {row}" in page
    plots = [path.name for path in tmp_path.glob("*.svg")]
    assert len(plots) == 3
    assert all(f"({name})" in page for name in plots)
