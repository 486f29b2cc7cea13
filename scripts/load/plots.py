"""The load test's pictures, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.chart import new_figure, save_figure
from scripts.load.figures import GOODPUT_FACTORS, PERCENTS
from scripts.load.sweep import LoadPoint


def plot_step_curve(path: Path, curve: Mapping[int, float]) -> None:
    """Draw the milliseconds of a step against the rows of its batch, as a whole and a row."""
    rows = list(curve)
    figure, axes = new_figure("rows of a batch", "milliseconds")
    axes.plot(rows, list(curve.values()), marker="o", label="a step")
    axes.plot(rows, [curve[n] / n for n in rows], marker="o", label="a row of it")
    save_figure(path, figure, axes)


def plot_throughput(path: Path, rates: Sequence[LoadPoint]) -> None:
    """Draw what was delivered against what was asked for."""
    offered = [point.offered_per_s for point in rates]
    figure, axes = new_figure("arrivals a second", "pictures a second")
    axes.plot(offered, offered, color="lightgrey", label="asked for")
    delivered = [point.figures.pictures_per_s for point in rates]
    axes.plot(offered, delivered, marker="o", label="delivered")
    for factor in GOODPUT_FACTORS:
        within = [point.figures.goodput_per_s[factor] for point in rates]
        axes.plot(offered, within, marker="o", label=f"within {factor} x unloaded")
    save_figure(path, figure, axes)


def plot_latency(path: Path, rates: Sequence[LoadPoint]) -> None:
    """Draw the percentiles of the latency against what was asked for."""
    answered = [point for point in rates if point.figures.latency_s]
    figure, axes = new_figure("arrivals a second", "seconds")
    for percent in PERCENTS:
        axes.plot(
            [point.offered_per_s for point in answered],
            [point.figures.latency_s[percent] for point in answered],
            marker="o",
            label=f"p{percent}",
        )
    save_figure(path, figure, axes)
