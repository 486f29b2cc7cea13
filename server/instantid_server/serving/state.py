"""The state of a served repository: written by the entry process's main thread, read by probes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Phase(StrEnum):
    """What the entry process is about."""

    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"  # some models are loaded again, the others answer
    RESTARTING = "restarting"  # Triton is
    DRAINING = "draining"


@dataclass(frozen=True)
class ServerState:
    """One moment of it."""

    phase: Phase = Phase.STARTING
    reloading: frozenset[str] = frozenset()  # models
    reloads: Mapping[str, int] = field(default_factory=dict)  # by model
    restarts: int = 0


class StateBoard:
    """Where the main thread writes the state, and how long ago it last came by."""

    def __init__(self) -> None:
        self.state = ServerState()
        self._beaten_at = time.monotonic()

    def beat(self) -> None:
        """Note that the main thread is at work."""
        self._beaten_at = time.monotonic()

    def silence_s(self) -> float:
        """Return for how long the main thread has not been heard of."""
        return time.monotonic() - self._beaten_at

    def enter(self, phase: Phase) -> None:
        """Change the phase; models on their way belong to the Triton of the phase before."""
        self.state = replace(self.state, phase=phase, reloading=frozenset())

    def show_reloading(self, models: frozenset[str]) -> None:
        """Show which models are on their way; a server that drains goes on draining."""
        phase = self.state.phase
        if phase in (Phase.READY, Phase.RELOADING):
            phase = Phase.RELOADING if models else Phase.READY
        self.state = replace(self.state, phase=phase, reloading=models)

    def count_reload(self, model: str) -> None:
        """Count a model that is back."""
        reloads = {**self.state.reloads, model: self.state.reloads.get(model, 0) + 1}
        self.state = replace(self.state, reloads=reloads)

    def count_restart(self) -> None:
        """Count a Triton that is started again."""
        self.state = replace(self.state, restarts=self.state.restarts + 1)
