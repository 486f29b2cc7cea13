"""The simulation's pictures, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.cluster.answers import Answer
from scripts.cluster.sizing import SHARE_IN_TIME
from scripts.cluster.validation import Comparison

_SIZE_INCHES = (6.0, 3.6)


def plot_knees(path: Path, curves: Mapping[int, Sequence[Answer]]) -> None:
    """Draw the share of pictures in time against the load, by how many may run together."""
    figure, axes = _figure("arrivals, of the capacity", "share in time")
    for max_running, answers in curves.items():
        shares = [float(answer.label) for answer in answers]
        in_time = [answer.in_time for answer in answers]
        axes.plot(shares, in_time, marker="o", label=f"{max_running} run together")
    axes.axhline(SHARE_IN_TIME, color="lightgrey")
    _save(path, figure, axes)


def plot_validation(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Draw simulated latencies against real ones."""
    figure, axes = _figure("real, seconds", "simulated, seconds")
    for percent in (50, 95):
        real = [each.real.latency_s[percent] for each in comparisons]
        simulated = [each.simulated.latency_s[percent] for each in comparisons]
        axes.plot(real, simulated, marker="o", linestyle="", label=f"p{percent}")
    limit = max(each.real.latency_s[95] for each in comparisons)
    axes.plot([0, limit], [0, limit], color="lightgrey")
    _save(path, figure, axes)


def _figure(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, color="whitesmoke")
    return figure, axes


def _save(path: Path, figure: Figure, axes: Axes) -> None:
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path)
