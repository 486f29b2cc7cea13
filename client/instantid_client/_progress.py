"""The progress bar: one line on a terminal for all requests of a command."""

from dataclasses import dataclass, field
from typing import TextIO

_WIDTH = 30
_CLEAR_LINE = "\r\x1b[K"


@dataclass
class ProgressBar:
    """Draws itself over itself, and nothing where nobody looks on."""

    stream: TextIO
    num_requests: int
    _fractions: dict[int, float] = field(default_factory=dict)
    _finished: set[int] = field(default_factory=set)

    def update(self, request: int, step: int, num_inference_steps: int) -> None:
        """Note that `step` steps of a request are done."""
        self._fractions[request] = step / num_inference_steps
        self._draw(f"step {step}/{num_inference_steps}" if self.num_requests == 1 else "")

    def finish(self, request: int) -> None:
        """Note that a request is over, well or badly."""
        self._fractions[request] = 1.0
        self._finished.add(request)
        self._draw("")

    def clear(self) -> None:
        """Leave the line to others."""
        if self.stream.isatty():
            self.stream.write(_CLEAR_LINE)
            self.stream.flush()

    def _draw(self, note: str) -> None:
        if not self.stream.isatty():
            return
        done = sum(self._fractions.values()) / self.num_requests
        bar = "#" * round(_WIDTH * done)
        count = note if note else f"{len(self._finished)}/{self.num_requests} done"
        self.stream.write(f"{_CLEAR_LINE}[{bar:-<{_WIDTH}}] {done:4.0%} {count}")
        self.stream.flush()
