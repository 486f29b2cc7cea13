"""The simulation's pictures, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.chart import new_figure, save_figure
from scripts.cluster.answers import Answer
from scripts.cluster.sizing import SHARE_IN_TIME
from scripts.cluster.validation import Comparison


def plot_knees(path: Path, curves: Mapping[int, Sequence[Answer]]) -> None:
    """Draw the share of pictures in time against the load, by how many may run together."""
    figure, axes = new_figure("arrivals, of the capacity", "share in time")
    for max_running, answers in curves.items():
        shares = [float(answer.label) for answer in answers]
        in_time = [answer.in_time for answer in answers]
        axes.plot(shares, in_time, marker="o", label=f"{max_running} run together")
    axes.axhline(SHARE_IN_TIME, color="lightgrey")
    save_figure(path, figure, axes)


def plot_validation(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Draw simulated latencies against real ones."""
    figure, axes = new_figure("real, seconds", "simulated, seconds")
    for percent in (50, 95):
        real = [each.real.latency_s[percent] for each in comparisons]
        simulated = [each.simulated.latency_s[percent] for each in comparisons]
        axes.plot(real, simulated, marker="o", linestyle="", label=f"p{percent}")
    limit = max(each.real.latency_s[95] for each in comparisons)
    axes.plot([0, limit], [0, limit], color="lightgrey")
    save_figure(path, figure, axes)
