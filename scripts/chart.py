"""A chart: one pair of labelled axes from zero on, saved as a small picture."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SIZE_INCHES = (6.0, 3.6)


def new_figure(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Return an empty chart, to be drawn into and saved."""
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, color="whitesmoke")
    return figure, axes


def save_figure(path: Path, figure: Figure, axes: Axes) -> None:
    """Write the chart with its legend, in the format that the path's suffix names."""
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path)
