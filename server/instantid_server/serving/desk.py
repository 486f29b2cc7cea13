"""The admission desk: stubs ask here for their requests' turns, and put decisions on record.

A request holds its place by its open connection, so that a place is free again when its holder
ends, however it ends.
"""

import threading
import time
from pathlib import Path

from instantid_server.contract import PriorityClass
from instantid_server.demand import Demand
from instantid_server.desk_messages import Kind, Message, refusal_message
from instantid_server.errors import Cancelled, InstantIDError
from instantid_server.serving.admission import Admission, AdmissionSnapshot
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.places import Place
from instantid_server.serving.record_book import RecordBook
from instantid_server.serving.record_clerk import RecordClerk
from instantid_server.serving.switchboard import Switchboard, Visitor


class AdmissionDesk:
    """Serves from `start` to `stop`; every method may be called from any thread."""

    def __init__(self, path: Path, limits: AdmissionLimits, book: RecordBook) -> None:
        self._limits = limits
        self._clerk = RecordClerk(book)  # used by the switchboard's thread alone
        self._admission = Admission(limits, time.monotonic)
        self._places: dict[Visitor, Place] = {}
        self._visitors: dict[Place, Visitor] = {}
        self._broken: list[str] = []
        self._lock = threading.Lock()  # around all of the above
        self._switchboard = Switchboard(path, self)

    def start(self) -> None:
        """Open the desk; raises ServingFailure if that is not possible."""
        self._switchboard.start()

    def stop(self) -> None:
        """Hang up on everybody."""
        self._switchboard.stop()

    def begin_drain(self, seconds_hint: float) -> None:
        """Refuse newcomers for good; who was accepted is served to the end."""
        with self._lock:
            self._admission.begin_drain(seconds_hint)

    def close_door(self, seconds_hint: float) -> None:
        """Send newcomers and all who wait away until the door opens; who runs goes on."""
        with self._lock:
            refusal = self._admission.close_door(seconds_hint)
            for place in self._admission.waiting():
                self._turn_away(place, refusal)

    def open_door(self) -> None:
        """Accept newcomers again."""
        with self._lock:
            self._admission.open_door()

    def hold(self) -> None:
        """Start nobody for now: who waits would only meet the stage that is being mended."""
        with self._lock:
            self._admission.hold()

    def resume(self) -> None:
        """Start who waits again."""
        with self._lock:
            self._admission.resume()
            self._start_next()

    def is_idle(self) -> bool:
        """Tell whether nobody runs or waits."""
        snapshot = self.snapshot()
        return snapshot.running == 0 and snapshot.waiting == 0

    def snapshot(self) -> AdmissionSnapshot:
        """Return what goes on."""
        with self._lock:
            return self._admission.snapshot()

    def broken_models(self) -> list[str]:
        """Return the models that called themselves broken since this was last asked."""
        with self._lock:
            broken, self._broken = self._broken, []
        return broken

    def hear(self, visitor: Visitor, message: Message) -> None:
        """Take a message of a stub."""
        kind = Kind(message["kind"])
        if self._clerk.takes(kind):
            visitor.send(self._clerk.answer(kind, message))
            return
        with self._lock:
            match kind:
                case Kind.TURN:
                    self._ask(visitor, message)
                case Kind.STEP:
                    self._count_step(visitor)
                case Kind.CANCEL:
                    count = self._cancel(message["request_id"], message["tenant"])
                    visitor.send({"kind": Kind.ANSWER, "cancelled": count})
                case Kind.LIMITS:
                    most = self._limits.max_running_pictures + self._limits.max_waiting
                    visitor.send({"kind": Kind.ANSWER, "max_requests": most})
                case Kind.BROKEN:
                    self._broken.append(message["model"])
                    visitor.send({"kind": Kind.ANSWER})
                case other:
                    raise ValueError(f"{other} is not for the desk")

    def miss(self, visitor: Visitor) -> None:
        """Free the place of a visitor who is gone."""
        with self._lock:
            if (place := self._places.get(visitor)) is not None:
                self._free(place)
                self._start_next()

    def _ask(self, visitor: Visitor, message: Message) -> None:
        if visitor in self._places:
            raise ValueError("a connection holds one place")
        try:
            place = self._admission.ask(_demand(message))
        except InstantIDError as refusal:
            visitor.send(refusal_message(refusal))
            return
        self._places[visitor] = place
        self._visitors[place] = visitor
        self._start_next()

    def _count_step(self, visitor: Visitor) -> None:
        if (place := self._places.get(visitor)) is not None:
            self._admission.count_step(place)

    def _cancel(self, request_id: str, tenant: str) -> int:
        error = Cancelled("the request was taken back by instantid_cancel")
        found = self._admission.find(request_id, tenant)
        waiting = self._admission.waiting()
        for place in found:
            if place in waiting:
                self._turn_away(place, error)
            else:  # its holder hangs up when it has stopped; until then it does hold its place
                self._visitors[place].send(refusal_message(error))
        self._start_next()
        return len(found)

    def _turn_away(self, place: Place, error: InstantIDError) -> None:
        self._visitors[place].send(refusal_message(error))
        self._free(place)

    def _free(self, place: Place) -> None:
        self._admission.leave(place)
        del self._places[self._visitors.pop(place)]

    def _start_next(self) -> None:
        while (place := self._admission.start_next()) is not None:
            self._visitors[place].send({"kind": Kind.START})


def _demand(message: Message) -> Demand:
    fields = {name: value for name, value in message.items() if name != "kind"}
    return Demand(**{**fields, "priority_class": PriorityClass(fields["priority_class"])})
