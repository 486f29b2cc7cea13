"""The record book: what was decided is on the disk, is found again, and keeps to the consents."""

import json
import os
import stat
from contextlib import closing
from pathlib import Path

import pytest
from picture_records import NOBODY, REFUSAL, agreed_by, record_of

from instantid_server.errors import ConsentExhausted
from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.record_book import MOST_FOUND, RecordBook
from instantid_server.trust.audit.salts import salts_folder
from instantid_server.trust.keys import Keys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "records.jsonl"


@pytest.fixture
def keys(keys_folder: Path) -> Keys:
    return Keys(keys_folder)


def opened(path: Path, keys: Keys) -> closing[RecordBook]:
    return closing(RecordBook(path, keys, checkpoint_every=100))


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_decisions_are_on_the_disk_when_they_are_added(path: Path, keys: Keys) -> None:
    with opened(path, keys) as book:
        book.release([record_of()], NOBODY)
        book.refuse(REFUSAL, agreed_by(""))
        released, refused = lines_of(path)
    assert released["kind"] == "released"
    assert record_of().to_fields().items() <= released.items()
    assert refused["kind"] == "refused"
    assert REFUSAL.to_fields().items() <= refused.items()
    assert [line["seq"] for line in (released, refused)] == [1, 2]
    assert [line["request_id"] for line in (released, refused)] == ["request", "request"]


def test_pictures_are_found_by_the_first_32_bits_of_their_ids(book: RecordBook) -> None:
    both = [record_of("aaaaaaaa" + "0" * 24), record_of("bbbbbbbb" + "0" * 24)]
    book.release(both, NOBODY)
    assert book.find(0xBBBBBBBB) == both[1:]
    assert book.find(0xCCCCCCCC) == []


def test_ids_that_begin_alike_are_all_found_the_latest_of_many(book: RecordBook) -> None:
    records = [record_of(f"aaaaaaaa{number:024x}") for number in range(MOST_FOUND + 2)]
    book.release(records, NOBODY)
    assert book.find(0xAAAAAAAA) == records[2:]


def test_refusal_is_no_picture_that_could_be_found(book: RecordBook) -> None:
    book.refuse(REFUSAL, NOBODY)
    assert book.find(int(REFUSAL.record_id[:8], 16)) == []


def test_book_is_read_again_after_a_restart(path: Path, keys: Keys) -> None:
    with opened(path, keys) as book:
        book.release([record_of("aaaaaaaa" + "0" * 24, seed=1)], NOBODY)
    with opened(path, keys) as book:
        book.release([record_of("bbbbbbbb" + "0" * 24, seed=2)], NOBODY)
        assert [record.seed for record in book.find(0xAAAAAAAA)] == [1]
        assert [record.seed for record in book.find(0xBBBBBBBB)] == [2]


def test_consent_is_good_for_as_many_pictures_as_it_says(book: RecordBook) -> None:
    request = agreed_by("anna", max_uses=3)
    book.release([record_of()] * 2, request)
    with pytest.raises(ConsentExhausted, match="3 pictures, of which 1 are left; got 2"):
        book.release([record_of()] * 2, request)
    book.release([record_of()], request)
    with pytest.raises(ConsentExhausted):
        book.check_uses(request.consent, 1)


def test_pictures_beyond_a_consent_leave_no_trace(path: Path, keys: Keys) -> None:
    with opened(path, keys) as book:
        with pytest.raises(ConsentExhausted):
            book.release([record_of()] * 2, agreed_by("anna", max_uses=1))
        assert path.read_bytes() == b""


def test_uses_are_counted_over_a_restart_and_for_each_issuer(path: Path, keys: Keys) -> None:
    with opened(path, keys) as book:
        book.release([record_of()], agreed_by("anna", issuer="here", max_uses=1))
    with opened(path, keys) as book:
        book.release([record_of()], agreed_by("anna", issuer="there", max_uses=1))
        with pytest.raises(ConsentExhausted):
            book.release([record_of()], agreed_by("anna", issuer="here", max_uses=1))


def test_refused_requests_use_up_nothing(book: RecordBook) -> None:
    request = agreed_by("anna", max_uses=1)
    book.refuse(REFUSAL, request)
    book.check_uses(request.consent, 1)


def test_person_has_one_code_in_all_records_and_never_a_name(path: Path, keys: Keys) -> None:
    with opened(path, keys) as book:
        book.release([record_of()], agreed_by("anna-7f"))
        book.refuse(REFUSAL, agreed_by("anna-7f"))
        book.release([record_of()], agreed_by("bert-2c"))
        book.release([record_of()], NOBODY)
    subjects = [line["consent"]["subject"] for line in lines_of(path)]  # type: ignore[index]  # JSON
    assert subjects[0] == subjects[1] != subjects[2]
    assert subjects[3] == ""
    written = [path, *salts_folder(path).iterdir()]
    assert not any(b"anna" in file.read_bytes() or "anna" in file.name for file in written)


def test_salt_that_cannot_be_written_keeps_the_picture_off_the_record(
    path: Path, keys: Keys
) -> None:
    with opened(path, keys) as book:
        salts_folder(path).write_text("no folder")
        with pytest.raises(OSError, match="Not a directory"):
            book.release([record_of()], agreed_by("anna"))
        assert path.read_bytes() == b""


def test_nobody_else_on_the_machine_may_read_it(path: Path, keys: Keys) -> None:
    with opened(path, keys) as book:
        book.release([record_of()], agreed_by("anna"))
    files = [*path.parent.glob("records.jsonl*"), *salts_folder(path).iterdir()]
    modes = {stat.S_IMODE(os.stat(file).st_mode) for file in files if file.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(salts_folder(path).stat().st_mode) == 0o700


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServingFailure, match="cannot be written"):
        opened(tmp_path / "file" / "records.jsonl", keys)
