"""Service curves: how long a stage takes for the rows of a batch."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServiceCurve:
    """s(b): milliseconds by rows, between two points on the straight line that joins them."""

    points: tuple[tuple[int, float], ...]  # by rows, ascending

    def __post_init__(self) -> None:
        """Refuse a curve that says nothing, or the same rows twice."""
        rows = [at for at, _ in self.points]
        if not rows or rows != sorted(set(rows)):
            raise ValueError(f"points: expected one or more, by ascending rows, got rows {rows}")

    @classmethod
    def of(cls, milliseconds: Mapping[int, float]) -> "ServiceCurve":
        """Return the curve through measured points."""
        return cls(tuple(sorted(milliseconds.items())))

    @classmethod
    def constant(cls, milliseconds: float) -> "ServiceCurve":
        """Return the curve of a stage that takes as long for any batch."""
        return cls(((1, milliseconds),))

    def scaled(self, share: float) -> "ServiceCurve":
        """Return the curve of a part of the work."""
        return ServiceCurve(tuple((rows, ms * share) for rows, ms in self.points))

    def seconds(self, rows: int) -> float:
        """Return what a batch takes; beyond the last point, the last line goes on."""
        if rows <= self.points[0][0] or len(self.points) == 1:
            return self.points[0][1] / 1000
        index = bisect_left([at for at, _ in self.points], rows)
        end = min(index, len(self.points) - 1)
        (below, below_ms), (above, above_ms) = self.points[end - 1], self.points[end]
        return (below_ms + (above_ms - below_ms) * (rows - below) / (above - below)) / 1000

    def table(self, max_rows: int) -> tuple[float, ...]:
        """Return the seconds of 0, 1, ... rows, to be looked up."""
        return (0.0, *(self.seconds(rows) for rows in range(1, max_rows + 1)))


def write_clock(path: Path, curve: ServiceCurve, device: Path | None) -> None:
    """Write what a stage in clock mode has in the place of weights."""
    lock = None if device is None else str(device)
    path.write_text(json.dumps({"points": curve.points, "device": lock}))


def read_clock(path: Path) -> tuple[ServiceCurve, Path | None]:
    """Return a stage's curve, and the lock of the device that it shares; None: it has its own."""
    clock = json.loads(path.read_text())
    points: Iterable[tuple[int, float]] = map(tuple, clock["points"])
    return ServiceCurve(tuple(points)), None if clock["device"] is None else Path(clock["device"])
