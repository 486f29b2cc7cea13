"""How much is asked for: pictures for a look in minutes, or for figures to publish."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Numbers of persons, seeds and scenes of the parts of an evaluation."""

    persons: int  # of the main table
    seeds: tuple[int, ...]
    part_persons: int  # the first of them, with either identity part turned off
    dial_persons: int  # the first of them, at each position of each dial, with the first seed
    dial_scales: tuple[float, ...]
    sheet_persons: int  # those after all others
    sheet_scenes: int


QUICK = Effort(
    persons=32,
    seeds=(1, 2, 3),
    part_persons=12,
    dial_persons=12,
    dial_scales=(0.0, 0.4, 0.8, 1.2),
    sheet_persons=4,
    sheet_scenes=3,
)
FULL = Effort(
    persons=200,
    seeds=(1, 2, 3),
    part_persons=50,
    dial_persons=40,
    dial_scales=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2),
    sheet_persons=8,
    sheet_scenes=6,
)
