"""Verification: what a picture's credentials, its mark and the records say, put together.

A mark alone proves nothing, for it can be copied onto another picture; so the id that it holds is
looked up, and the picture compared with the one on record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instantid_server.contract import CredentialsState, MarkState, RecordState
from instantid_server.images import RGB, decode_image
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.marks.perceptual_hash import is_same_picture, perceptual_hash
from instantid_server.trust.marks.watermarker import Watermarker
from instantid_server.trust.picture_record import PictureRecord, mark_id_of
from instantid_server.trust.reading import Credentials, CredentialsReader

FindRecords = Callable[[int], Sequence[PictureRecord]]


@dataclass(frozen=True)
class Verdict:
    """The three answers; nothing finer, which would tell a forger how close he is."""

    credentials: CredentialsState
    mark: MarkState
    record: RecordState
    record_id: str | None  # of trusted credentials, or of the record that matches


class Verifier:
    """Judges encoded pictures."""

    def __init__(
        self,
        reader: CredentialsReader,
        watermarker: Watermarker | None,
        find_records: FindRecords,
    ) -> None:
        """Take a reader, the mark in use, None: there is none, and a look-up by mark id."""
        self._reader = reader
        self._watermarker = watermarker
        self._find_records = find_records

    def verify(self, encoded: bytes) -> Verdict:
        """Return the verdict; raises ImageUnreadable or ImageTooLarge."""
        image = decode_image(encoded, "image")  # its limits hold for the parser of credentials too
        credentials = self._reader.read(encoded)
        mark = self._detect(image)
        candidates = self._candidates(credentials, mark)
        matching = _find_same(image, candidates)
        if matching is not None:
            return Verdict(credentials.state, mark.state, RecordState.MATCH, matching.record_id)
        record = RecordState.MISMATCH if candidates else RecordState.UNKNOWN
        return Verdict(credentials.state, mark.state, record, credentials.record_id)

    def _detect(self, image: RGB) -> Detection:
        if self._watermarker is None:
            return Detection(MarkState.NONE)
        return self._watermarker.detect(image)

    def _candidates(self, credentials: Credentials, mark: Detection) -> Sequence[PictureRecord]:
        """Return the records that the picture claims: by its credentials, else by its mark."""
        if credentials.record_id is not None:
            found = self._find_records(mark_id_of(credentials.record_id))
            return [record for record in found if record.record_id == credentials.record_id]
        return [] if mark.mark_id is None else self._find_records(mark.mark_id)


def _find_same(image: RGB, candidates: Sequence[PictureRecord]) -> PictureRecord | None:
    """Return the record of this very picture, however it was edited since."""
    shown = perceptual_hash(image)
    for record in candidates:
        if is_same_picture(shown, record.perceptual_hash):
            return record
    return None
