"""The record book: every picture that left the server and every one that was refused, on the disk.

A record is there before its request is answered. One process writes one book.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from instantid_server.errors import ConsentExhausted
from instantid_server.serving.chained_file import ChainedFile, Signing
from instantid_server.serving.record_index import RecordIndex
from instantid_server.trust.audit.chain import Entry
from instantid_server.trust.audit.decision import (
    ConsentNote,
    DecisionKind,
    RefusalRecord,
    RequestNote,
)
from instantid_server.trust.audit.salts import SubjectSalts, salts_folder
from instantid_server.trust.keys import Keys
from instantid_server.trust.picture_record import PictureRecord, mark_id_of

MOST_FOUND = 8  # records of one mark id; two in a million pictures share theirs by chance


class RecordBook:
    """An open book; its caller sees to it that one thread uses it at a time."""

    def __init__(self, path: Path, keys: Keys, checkpoint_every: int) -> None:
        """Open or begin a book; raises ServingFailure if it cannot be written or was changed."""
        self._places = RecordIndex()
        self._uses: Counter[tuple[str, str]] = Counter()  # pictures, by issuer and consent id
        self._salts = SubjectSalts(salts_folder(path), keys.audit)
        self._log = ChainedFile(path, Signing(keys.audit_signing, checkpoint_every), self._index)

    def release(self, pictures: Sequence[PictureRecord], request: RequestNote) -> None:
        """Put the pictures of one request on the disk, all or none.

        Raises ConsentExhausted, or OSError if they may not be there.
        """
        self.check_uses(request.consent, len(pictures))
        note = self._note(request)
        self._log.add(
            [{"kind": DecisionKind.RELEASED, **one.to_fields(), **note} for one in pictures]
        )

    def refuse(self, refusal: RefusalRecord, request: RequestNote) -> None:
        """Put a refusal on the disk; raises OSError if it may not be there."""
        fields = {"kind": DecisionKind.REFUSED, **refusal.to_fields(), **self._note(request)}
        self._log.add([fields])

    def check_uses(self, consent: ConsentNote, pictures: int) -> None:
        """Raise ConsentExhausted if a consent is not good for that many pictures more."""
        if consent.max_uses is None:
            return
        left = max(consent.max_uses - self._uses[consent.issuer, consent.consent_id], 0)
        if pictures > left:
            raise ConsentExhausted(
                f"consent_token: good for {consent.max_uses} pictures, of which {left} are left; "
                f"got {pictures}"
            )

    def find(self, mark_id: int) -> list[PictureRecord]:
        """Return the latest records of pictures whose ids begin with these 32 bits."""
        lines = (self._log.read(*place) for place in self._places.find(mark_id, MOST_FOUND))
        return [PictureRecord.from_fields(json.loads(line)) for line in lines]

    def close(self) -> None:
        """Let another process have the book."""
        self._log.close()

    def _note(self, request: RequestNote) -> dict[str, object]:
        """Return what a line says of a request: of the person, a code that can be erased."""
        if subject := request.consent.subject:
            request = request.with_subject(self._salts.code(subject))
        return request.to_fields()

    def _index(self, entry: Entry) -> None:
        fields = entry.fields
        if fields["kind"] == DecisionKind.RELEASED:
            self._places.add(mark_id_of(fields["record_id"]), entry.start, entry.size)
            consent = fields["consent"]
            if consent["max_uses"] is not None:
                self._uses[consent["issuer"], consent["consent_id"]] += 1
