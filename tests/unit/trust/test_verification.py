"""The verdict: what credentials, mark and records say together."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_records import record_of
from signed_pictures import RECORD_ID, encoded, our_reader, picture, signed, statement

from instantid_server.contract import CredentialsState, MarkState, OutputFormat, RecordState
from instantid_server.errors import ImageTooLarge, ImageUnreadable, InstantIDError
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.marks.perceptual_hash import perceptual_hash
from instantid_server.trust.picture_record import PictureRecord, mark_id_of
from instantid_server.trust.verification import Verdict, Verifier
from scripts.provenance.attacker import self_signed, sign_as

OTHER_ID = "0123456700000000" * 2  # another record, whose mark says the same
OURS = Detection(MarkState.OURS, mark_id_of(RECORD_ID), key_version=1)
NO_MARK = Detection(MarkState.NONE)
UNCLEAR = Detection(MarkState.INCONCLUSIVE)


class MarkThatReads:
    """A watermarker that finds the same in every picture."""

    name = "tests"

    def __init__(self, found: Detection) -> None:
        self._found = found

    def embed(self, image: NDArray[np.uint8], record_id: str) -> NDArray[np.uint8]:
        return image

    def detect(self, image: NDArray[np.uint8]) -> Detection:
        return self._found


def record(record_id: str = RECORD_ID, seed: int = 0) -> PictureRecord:
    """Return the record of `picture(seed)`."""
    return record_of(record_id, perceptual_hash=perceptual_hash(picture(seed)))


def verify(file: bytes, mark: Detection | None, records: Sequence[PictureRecord]) -> Verdict:
    """Return the verdict where `records` are all there are; no mark: none is in use."""

    def find(mark_id: int) -> list[PictureRecord]:
        return [one for one in records if mark_id_of(one.record_id) == mark_id]

    watermarker = None if mark is None else MarkThatReads(mark)
    return Verifier(our_reader(), watermarker, find).verify(file)


@pytest.mark.parametrize(
    ("mark", "records", "expected"),
    [
        pytest.param(OURS, [record()], RecordState.MATCH, id="on-record"),
        pytest.param(NO_MARK, [record()], RecordState.MATCH, id="mark-lost"),
        pytest.param(None, [record()], RecordState.MATCH, id="no-mark-in-use"),
        pytest.param(OURS, [], RecordState.UNKNOWN, id="not-on-record"),
        pytest.param(OURS, [record(OTHER_ID)], RecordState.UNKNOWN, id="another-of-its-mark"),
        pytest.param(OURS, [record(seed=1)], RecordState.MISMATCH, id="another-picture"),
    ],
)
def test_trusted_credentials_name_the_record(
    mark: Detection | None, records: list[PictureRecord], expected: RecordState
) -> None:
    state = MarkState.NONE if mark is None else mark.state
    verdict = verify(signed(), mark, records)
    assert verdict == Verdict(CredentialsState.TRUSTED, state, expected, RECORD_ID)


@pytest.mark.parametrize(
    ("mark", "records", "expected", "record_id"),
    [
        pytest.param(OURS, [record()], RecordState.MATCH, RECORD_ID, id="on-record"),
        pytest.param(
            OURS, [record(OTHER_ID, seed=1), record()], RecordState.MATCH, RECORD_ID, id="two-of-it"
        ),
        pytest.param(OURS, [record(seed=1)], RecordState.MISMATCH, None, id="copied-mark"),
        pytest.param(OURS, [], RecordState.UNKNOWN, None, id="not-on-record"),
        pytest.param(UNCLEAR, [record()], RecordState.UNKNOWN, None, id="unclear-mark"),
        pytest.param(NO_MARK, [record()], RecordState.UNKNOWN, None, id="no-mark"),
        pytest.param(None, [record()], RecordState.UNKNOWN, None, id="no-mark-in-use"),
    ],
)
def test_without_credentials_the_mark_names_the_record(
    mark: Detection | None,
    records: list[PictureRecord],
    expected: RecordState,
    record_id: str | None,
) -> None:
    state = MarkState.NONE if mark is None else mark.state
    verdict = verify(encoded(), mark, records)
    assert verdict == Verdict(CredentialsState.NONE, state, expected, record_id)


def test_credentials_of_another_name_no_record() -> None:
    forged = sign_as(self_signed(), encoded(), OutputFormat.PNG, statement())
    assert verify(forged, NO_MARK, [record()]) == Verdict(
        CredentialsState.UNTRUSTED, MarkState.NONE, RecordState.UNKNOWN, None
    )


@pytest.mark.parametrize(
    ("file", "error"),
    [
        pytest.param(b"no picture", ImageUnreadable, id="no-picture"),
        pytest.param(encoded()[:200], ImageUnreadable, id="cut-off"),
        pytest.param(b"\x89PNG" + bytes(16 * 1024 * 1024), ImageTooLarge, id="too-many-bytes"),
    ],
)
def test_limits_hold_before_anything_else_looks_at_the_file(
    file: bytes, error: type[InstantIDError]
) -> None:
    with pytest.raises(error):
        verify(file, OURS, [])
