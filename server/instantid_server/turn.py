"""A request's turn: it waits for it, holds it while it runs, and notices when it should stop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray

from instantid_server.caller import Caller
from instantid_server.contract import ErrorCode
from instantid_server.demand import Demand
from instantid_server.desk_link import DeskConnection, DeskLink
from instantid_server.desk_messages import Kind
from instantid_server.errors import ERRORS, Cancelled, DeadlineExceeded
from instantid_server.node import StageCall

# How often a waiting request looks whether its caller is still there. Each look is a message to
# Triton, and somebody who waits has nothing running that should stop at once.
_WAIT_POLL_S = 0.25


class Turn:
    """One request's turn, from the question for it to the end of the work."""

    def __init__(
        self, connection: DeskConnection, caller: Caller, is_cancelled: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._caller = caller
        self._is_cancelled = is_cancelled
        self._steps_done: int | None = None  # None: still waiting

    def wait(self, demand: Demand) -> None:
        """Ask for the turn and return when it has come.

        Raises Cancelled, DeadlineExceeded, or the desk's refusal.
        """
        self._check_deadline()
        self._connection.send({"kind": Kind.TURN, **asdict(demand)})
        while not self._listen(_WAIT_POLL_S):
            pass
        self._steps_done = 0

    def check(self) -> None:
        """Raise Cancelled or DeadlineExceeded if the work should stop."""
        self._listen(0.0)

    def guard(self, call: StageCall) -> StageCall:
        """Return `call` with a check before each use."""

        def guarded(
            model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
        ) -> dict[str, NDArray[Any]]:
            self.check()
            return call(model, inputs, outputs)

        return guarded

    def count_step(self) -> None:
        """Tell the desk of a step, from which it learns how long steps take."""
        self._steps_done = 1 if self._steps_done is None else self._steps_done + 1
        self._connection.send({"kind": Kind.STEP})

    def _listen(self, timeout_s: float) -> bool:
        """Return True if the turn has come, False if there is no news in time."""
        seconds_left = self._caller.seconds_left()
        patience_s = timeout_s if seconds_left is None else min(timeout_s, max(seconds_left, 0.0))
        message = self._connection.receive(patience_s)
        if message is None:
            self._check_deadline()
            if self._is_cancelled():
                raise Cancelled(f"the caller went away{self._moment()}")
            return False
        if message["kind"] == Kind.START:
            return True
        raise ERRORS[ErrorCode(message["code"])](message["message"])

    def _check_deadline(self) -> None:
        seconds_left = self._caller.seconds_left()
        if seconds_left is not None and seconds_left <= 0:
            raise DeadlineExceeded(f"timeout: it passed{self._moment()}")

    def _moment(self) -> str:
        if self._steps_done is None:
            return " while the request waited for its turn"
        return f"; steps done: {self._steps_done}"


@contextmanager
def take_turn(
    desk: DeskLink, demand: Demand, caller: Caller, is_cancelled: Callable[[], bool]
) -> Iterator[Turn]:
    """Wait for a turn, and hold it until the end of the `with` block.

    Raises Cancelled, DeadlineExceeded, Overloaded, Draining or ModelNotReady instead.
    """
    with closing(desk.connect()) as connection:
        turn = Turn(connection, caller, is_cancelled)
        turn.wait(demand)
        yield turn
