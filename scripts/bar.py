"""A bar: what a figure of a report has to reach."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


def missed_bars(figures: Mapping[str, float], bars: Sequence[Bar]) -> list[str]:
    """Return in words which bars are missed."""
    return [bar.in_words(figures) for bar in bars if not bar.is_met(figures)]
