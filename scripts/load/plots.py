"""The load test's pictures, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.load.figures import GOODPUT_FACTORS, PERCENTS
from scripts.load.sweep import LoadPoint

_SIZE_INCHES = (6.0, 3.6)


def plot_step_curve(path: Path, curve: Mapping[int, float]) -> None:
    """Draw the milliseconds of a step against the rows of its batch, as a whole and a row."""
    rows = list(curve)
    figure, axes = _figure("rows of a batch", "milliseconds")
    axes.plot(rows, list(curve.values()), marker="o", label="a step")
    axes.plot(rows, [curve[n] / n for n in rows], marker="o", label="a row of it")
    _save(path, figure, axes)


def plot_throughput(path: Path, rates: Sequence[LoadPoint]) -> None:
    """Draw what was delivered against what was asked for."""
    offered = [point.offered_per_s for point in rates]
    figure, axes = _figure("arrivals a second", "pictures a second")
    axes.plot(offered, offered, color="lightgrey", label="asked for")
    delivered = [point.figures.pictures_per_s for point in rates]
    axes.plot(offered, delivered, marker="o", label="delivered")
    for factor in GOODPUT_FACTORS:
        within = [point.figures.goodput_per_s[factor] for point in rates]
        axes.plot(offered, within, marker="o", label=f"within {factor} x unloaded")
    _save(path, figure, axes)


def plot_latency(path: Path, rates: Sequence[LoadPoint]) -> None:
    """Draw the percentiles of the latency against what was asked for."""
    answered = [point for point in rates if point.figures.latency_s]
    figure, axes = _figure("arrivals a second", "seconds")
    for percent in PERCENTS:
        axes.plot(
            [point.offered_per_s for point in answered],
            [point.figures.latency_s[percent] for point in answered],
            marker="o",
            label=f"p{percent}",
        )
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
