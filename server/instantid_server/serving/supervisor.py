"""The supervisor: keeps one Triton serving, mends what breaks, and drains it at the end.

A dead or broken stage is loaded again. After a dead orchestrator Triton has to be started again:
its requests would hang for ever. Everything here runs in the main thread and in small steps; what
takes long runs elsewhere.
"""

import time

from instantid_server.contract import LATE_MODELS, MODELS, PUBLIC_MODELS
from instantid_server.serving.api import UNLOADING, TritonApiError
from instantid_server.serving.child import TritonChild
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.log import last_lines
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.reload import Reloads
from instantid_server.serving.repair_limit import WITHIN_S, RepairLimit
from instantid_server.serving.startup import check_packages, wait_until_ready
from instantid_server.serving.state import Phase, StateBoard
from instantid_server.serving.stop import StopWish
from instantid_server.serving.terminal import Terminal
from instantid_server.serving.watch import StubWatch

_MOST_RESTARTS = 3
_MOST_RELOADS = 5  # of one model; what died at work is let go by a restart alone
_WITHIN = f"{WITHIN_S / 60:.0f} minutes"
_POLL_S = 0.25  # a dead stub is seen within two of these
_RETRY_S = 30.0  # for refused callers: about as long as Triton and its models take to start
_GRACE_S = 3.0  # for the other orchestrator's last pictures before Triton is started again
_ANSWERS_S = 0.5  # from the last freed place to the answer on the wire
_UNLOAD_S = 10.0  # for the public models' last answers
_ABORTED = "signal 6"
_ABORTED_STARTS = 2  # that are forgiven
_BETWEEN_STARTS_S = 2.0  # a full disk or a taken port may be free again


class Supervisor:
    """Owns the Triton of one entry process from its first start to its drain."""

    def __init__(
        self,
        options: ServeOptions,
        triton: TritonChild,
        desk: AdmissionDesk,
        board: StateBoard,
        stop: StopWish,
        terminal: Terminal,
    ) -> None:
        self._options = options
        self._triton = triton
        self._desk = desk
        self._board = board
        self._stop = stop
        self._terminal = terminal
        self._watch = StubWatch(triton.name)
        self._reloads = Reloads(triton.api)
        self._restart_limit = RepairLimit(_MOST_RESTARTS, time.monotonic)
        self._reload_limits = {
            model: RepairLimit(_MOST_RELOADS, time.monotonic) for model in MODELS
        }

    def begin(self) -> bool:
        """Start for the first time, as `start` does, but go on after an abort of Triton itself.

        On a busy machine it now and then aborts while it loads (lock_exception, Triton issue 8882).
        """
        for _ in range(_ABORTED_STARTS):
            try:
                return self.start()
            except ServingFailure:
                if self._triton.ending() != _ABORTED:
                    raise
                self._terminal.say("Triton aborted while it started; it is started again")
                self._triton.kill()
        return self.start()

    def start(self) -> bool:
        """Start Triton and open the door; return False when told to stop before it is ready.

        Raises ServingFailure if it cannot get ready.
        """
        self._desk.close_door(_RETRY_S)
        self._desk.broken_models()  # none of these lives any more
        self._triton.start()
        if not wait_until_ready(self._triton, self._options.start_timeout_s, self._pause):
            return False
        check_packages(self._triton.name)
        self._watch.begin()
        self._board.enter(Phase.READY)
        self._desk.resume()
        self._desk.open_door()
        return True

    def run(self) -> None:
        """Serve until told to stop, then drain; raises ServingFailure if that cannot go on."""
        while not self._pause():
            if (reason := self._find_ruin() or self._mend_stages()) is not None:
                self._restart(reason)
        if self._board.state.phase is not Phase.RESTARTING:  # else there is nobody to deliver to
            self._drain()

    def _pause(self) -> bool:
        """Let a moment pass; tell whether to stop."""
        stop = self._stop.wait(_POLL_S)
        self._beat()
        return stop

    def _beat(self) -> None:
        self._board.beat()
        self._terminal.echo()
        self._triton.log.bound()

    def _find_ruin(self) -> str | None:
        """Return what only a new Triton can mend."""
        if (ending := self._triton.ending()) is not None:
            return f"Triton ended by itself ({ending}); its log ends\n{self._last_lines()}"
        if lost := sorted(self._watch.dead_models() & set(LATE_MODELS)):
            return f"the process of {lost[0]} ended"
        return None

    def _mend_stages(self) -> str | None:
        """Reload what broke; return why no reload can mend it, if so."""
        broken = {model: f"{model} left service" for model in self._desk.broken_models()}
        if lost := sorted(broken.keys() & set(LATE_MODELS)):
            return f"{lost[0]} could not send an answer"
        dead = self._watch.dead_models() - set(LATE_MODELS)
        broken |= {model: f"the process of {model} ended" for model in dead}
        for model in sorted(broken.keys() - self._reloads.models):
            if not self._reload_limits[model].take():
                return f"{broken[model]}, after {_MOST_RELOADS} reloads in {_WITHIN}"
            self._reloads.begin(model)
            self._terminal.say(f"{broken[model]}; it is loaded again")
        self._show_reloads()
        for ended in self._reloads.take_ended():
            if ended.error is not None:
                return f"{ended.model} could not be loaded again: {ended.error}"
            self._watch.renew(ended.model)
            self._board.count_reload(ended.model)
            self._terminal.say(f"{ended.model} is back after {ended.seconds:.1f} s")
        self._show_reloads()
        return None

    def _show_reloads(self) -> None:
        """Let nobody start while a stage is away: the request would only fail."""
        self._board.show_reloading(self._reloads.models)
        if self._reloads.models:
            self._desk.hold()
        else:
            self._desk.resume()

    def _restart(self, reason: str) -> None:
        """Start Triton until it is ready or told to stop; raises ServingFailure to give up."""
        self._board.enter(Phase.RESTARTING)
        self._desk.close_door(_RETRY_S)
        self._reloads.abandon()
        if self._triton.ending() is None:
            self._await_idle(_GRACE_S)
        while not self._stop.wait(0):
            if not self._restart_limit.take():
                raise ServingFailure(
                    FailureCode.ENDED,
                    f"gave up after {_MOST_RESTARTS} restarts in {_WITHIN}; {reason}",
                )
            self._terminal.say(f"{reason}\nTriton is started again")
            self._board.count_restart()
            self._triton.kill()
            began = time.monotonic()
            try:
                if self.start():
                    self._terminal.say(f"ready again after {time.monotonic() - began:.1f} s")
                return
            except ServingFailure as failure:
                reason = str(failure)
                self._stop.wait(_BETWEEN_STARTS_S)

    def _drain(self) -> None:
        """Deliver what was accepted, refuse the rest, and take the public models out."""
        self._board.enter(Phase.DRAINING)
        self._desk.begin_drain(_RETRY_S)
        if not self._await_idle(self._options.drain_timeout_s):
            left = self._desk.snapshot()
            self._terminal.say(f"gave up {left.running + left.waiting} requests")
        if self._triton.ending() is None and not self._stop.in_haste():
            self._unload_public_models()

    def _await_idle(self, timeout_s: float) -> bool:
        """Wait until nobody runs or waits, and mend stages for those who do; tell whether so."""
        deadline = time.monotonic() + timeout_s
        while not self._desk.is_idle():
            if time.monotonic() > deadline or self._stop.in_haste():
                return False
            time.sleep(_POLL_S)
            self._beat()
            if self._board.state.phase is Phase.DRAINING:
                self._mend_stages()
        time.sleep(_ANSWERS_S)
        return True

    def _unload_public_models(self) -> None:
        """Have Triton finish every answer of theirs that is still on its way."""
        deadline = time.monotonic() + _UNLOAD_S
        try:
            loaded = self._triton.api.model_states()
            for model in PUBLIC_MODELS:
                if model in loaded:
                    self._triton.api.unload(model)
            while UNLOADING in self._triton.api.model_states().values():
                if time.monotonic() > deadline or self._stop.in_haste():
                    return
                time.sleep(_POLL_S)
                self._beat()
        except TritonApiError as error:
            self._terminal.say(f"the public models could not be unloaded: {error}")

    def _last_lines(self) -> str:
        return last_lines(self._triton.log.text())
