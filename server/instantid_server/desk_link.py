"""A stub's line to the admission desk, over a Unix-domain socket."""

import logging
import os
import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from instantid_server.contract import RETRY_HINT, ErrorCode
from instantid_server.desk_messages import MAX_LINE_BYTES, Kind, LineBuffer, Message, encode
from instantid_server.errors import ERRORS, InstantIDError, ModelNotReady
from instantid_server.trust.audit.decision import ConsentNote, RefusalRecord, RequestNote
from instantid_server.trust.picture_record import PictureRecord

logger = logging.getLogger(__name__)

DESK_VARIABLE = "INSTANTID_DESK"  # in the environment of Triton, and thus of every stub
_PATIENCE_S = 10.0  # the desk answers at once; it may be starved of its core
_GONE_HINT_S = 10  # the desk ends with its server; a supervisor may start another one


class DeskUnknown(RuntimeError):
    """Nobody said where the desk is."""


class DeskConnection:
    """One open connection. When the desk is gone, every method raises ModelNotReady."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._lines = LineBuffer()
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise _gone() from error

    def send(self, message: Message) -> None:
        """Send a message."""
        self._socket.settimeout(_PATIENCE_S)
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise _gone() from error

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message, or None if there is none in time."""
        while (message := self._lines.take()) is None:
            self._socket.settimeout(timeout_s)
            try:
                received = self._socket.recv(MAX_LINE_BYTES)
            except (TimeoutError, BlockingIOError):  # the latter with a timeout of 0
                return None
            except OSError as error:
                raise _gone() from error
            if not received:
                raise _gone()
            self._lines.add(received)
        return message

    def close(self) -> None:
        """Hang up, which frees the place if there is one."""
        self._socket.close()


@dataclass(frozen=True)
class DeskLink:
    """Where the desk is, and what can be asked there in one exchange."""

    path: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Return the link to the desk of the server that this process belongs to."""
        try:
            return cls(Path(os.environ[DESK_VARIABLE]))
        except KeyError as error:
            raise DeskUnknown(
                f"{DESK_VARIABLE} is not set: start the server with `instantid serve`, which "
                "decides how many requests run at once"
            ) from error

    def connect(self) -> DeskConnection:
        """Open a connection; raises ModelNotReady."""
        return DeskConnection(self.path)

    def max_requests(self) -> int:
        """Return how many requests can run and wait at once, over all models."""
        return int(self._ask({"kind": Kind.LIMITS})["max_requests"])

    def cancel(self, request_id: str, tenant: str) -> int:
        """End a tenant's requests of that id; return how many there were."""
        question = {"kind": Kind.CANCEL, "request_id": request_id, "tenant": tenant}
        return int(self._ask(question)["cancelled"])

    def report_broken(self, model: str) -> None:
        """Say that this process can no longer answer for `model`, so that it is loaded anew."""
        self._ask({"kind": Kind.BROKEN, "model": model})

    def record(self, pictures: Sequence[PictureRecord], request: RequestNote) -> None:
        """Put all pictures of a request on record before they are released, or none.

        Raises ConsentExhausted or ProvenanceUnavailable.
        """
        records = [picture.to_fields() for picture in pictures]
        self._settle({"kind": Kind.RECORD, "pictures": records, "request": request.to_fields()})

    def refuse(self, refusal: RefusalRecord, request: RequestNote) -> bool:
        """Put a refusal on record and tell whether it is there; the request is refused anyway."""
        fields = {"refusal": refusal.to_fields(), "request": request.to_fields()}
        try:
            self._settle({"kind": Kind.REFUSE, **fields})
        except InstantIDError as error:
            logger.error("a refusal is not on record: %s", error.code)
            return False
        return True

    def check_uses(self, consent: ConsentNote, pictures: int) -> None:
        """Raise ConsentExhausted where a consent is not good for so many pictures more."""
        if consent.max_uses is not None:
            question = {"consent": consent.to_fields(), "pictures": pictures}
            self._settle({"kind": Kind.USES, **question})

    def find_records(self, mark_id: int) -> list[PictureRecord]:
        """Return the latest records whose ids begin with these 32 bits."""
        answer = self._ask({"kind": Kind.FIND, "mark_id": mark_id})
        return [PictureRecord.from_fields(fields) for fields in answer["records"]]

    def _settle(self, question: Message) -> None:
        answer = self._ask(question)
        if answer["kind"] == Kind.REFUSAL:
            raise ERRORS[ErrorCode(answer["code"])](answer["message"])

    def _ask(self, question: Message) -> Message:
        with closing(self.connect()) as connection:
            connection.send(question)
            answer = connection.receive(_PATIENCE_S)
        if answer is None:
            raise _gone()
        return answer


def _gone() -> ModelNotReady:
    hint = RETRY_HINT.format(seconds=_GONE_HINT_S)
    return ModelNotReady(f"the server is ending or starting again; {hint}")
