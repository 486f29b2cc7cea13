"""The clerk at the admission desk: what stubs ask of the record book, and its answers."""

from collections.abc import Callable, Mapping

from instantid_server.desk_messages import Kind, Message, refusal_message
from instantid_server.errors import ConsentExhausted, ProvenanceUnavailable
from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.audit.decision import ConsentNote, RefusalRecord, RequestNote
from instantid_server.trust.picture_record import PictureRecord

_DONE: Message = {"kind": Kind.ANSWER}


class RecordClerk:
    """Answers one message after the other, on one thread."""

    def __init__(self, book: RecordBook) -> None:
        self._book = book
        self._duties: Mapping[Kind, Callable[[Message], Message]] = {
            Kind.RECORD: self._release,
            Kind.REFUSE: self._refuse,
            Kind.USES: self._check_uses,
            Kind.FIND: self._find,
        }

    def takes(self, kind: Kind) -> bool:
        """Tell whether a message is for the clerk."""
        return kind in self._duties

    def answer(self, kind: Kind, message: Message) -> Message:
        """Do what a message asks; any exception says that it makes no sense."""
        try:
            return self._duties[kind](message)
        except ConsentExhausted as error:
            return refusal_message(error)
        except OSError:
            return refusal_message(
                ProvenanceUnavailable("what was decided could not be put on record")
            )

    def _release(self, message: Message) -> Message:
        pictures = [PictureRecord.from_fields(fields) for fields in message["pictures"]]
        self._book.release(pictures, RequestNote.from_fields(message["request"]))
        return _DONE

    def _refuse(self, message: Message) -> Message:
        request = RequestNote.from_fields(message["request"])
        self._book.refuse(RefusalRecord(**message["refusal"]), request)
        return _DONE

    def _check_uses(self, message: Message) -> Message:
        consent = ConsentNote.from_fields(message["consent"])
        self._book.check_uses(consent, message["pictures"])
        return _DONE

    def _find(self, message: Message) -> Message:
        records = self._book.find(message["mark_id"])
        return {"kind": Kind.ANSWER, "records": [record.to_fields() for record in records]}
