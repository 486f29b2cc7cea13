"""The bars: what the figures of `make provenance` have to reach."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MARKED_EDITS = ("jpeg_75", "webp_80", "half_size", "crop_10", "brighter_20", "darker_20")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True)
class Bar:
    """A bound of one figure."""

    figure: str
    sign: str  # ">=" or "<="
    bound: float

    def is_met(self, figures: Mapping[str, float]) -> bool:
        """Tell whether the figure is within its bound; one that is no number is not."""
        return _OPERATORS[self.sign](figures[self.figure], self.bound)

    def in_words(self, figures: Mapping[str, float]) -> str:
        """Return what was wanted and what came."""
        got = figures[self.figure]
        return f"{self.figure}: expected {self.sign} {self.bound:g}, got {got:g}"


BARS = (
    Bar("tamper_missed", "<=", 0),
    Bar("forgeries_trusted", "<=", 0),
    Bar("ssrf_requests", "<=", 0),
    *(Bar(f"mark_recall_large_{edit}", ">=", 0.99) for edit in MARKED_EDITS),
    *(Bar(f"mark_recall_pocket_{edit}", ">=", 0.95) for edit in MARKED_EDITS),
    Bar("psnr_large_db", ">=", 45),
    Bar("psnr_pocket_db", ">=", 32),
    Bar("mark_false_positives", "<=", 0),
    Bar("averaging_forged", "<=", 0),
    Bar("copies_unnoticed", "<=", 0),
    Bar("identity_drawn_kept", ">=", 0.95),
)
SPEED_BARS = (Bar("tail_png_ms", "<=", 170), Bar("tail_jpeg_ms", "<=", 90))  # of an idle machine


def violations(figures: Mapping[str, float], bars: Sequence[Bar]) -> list[str]:
    """Return in words which bars are missed, and if a generated face suffers from its mark."""
    missed = [bar.in_words(figures) for bar in bars if not bar.is_met(figures)]
    if "identity_generated_marked" in figures:
        lost = figures["identity_generated_unmarked"] - figures["identity_generated_marked"]
        if not lost <= figures["identity_generated_noise"]:
            missed.append(f"identity_generated: the mark costs {lost:.3f} of the cosine")
    return missed
