"""The record book: what is in it is on the disk, and is found again."""

import os
import stat
from contextlib import closing
from pathlib import Path

import pytest
from picture_records import record_of

from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.record_book import MOST_FOUND, RecordBook


def opened(path: Path) -> closing[RecordBook]:
    return closing(RecordBook(path))


def test_record_is_on_the_disk_when_it_is_added(tmp_path: Path, book: RecordBook) -> None:
    book.add(record_of())
    assert (tmp_path / "records.jsonl").read_text() == record_of().to_line() + "\n"


def test_record_is_found_by_the_first_32_bits_of_its_id(book: RecordBook) -> None:
    book.add(record_of("aaaaaaaa" + "0" * 24))
    book.add(record_of("bbbbbbbb" + "0" * 24))
    assert book.find(0xBBBBBBBB) == [record_of("bbbbbbbb" + "0" * 24)]
    assert book.find(0xCCCCCCCC) == []


def test_ids_that_begin_alike_are_all_found_the_latest_of_many(book: RecordBook) -> None:
    records = [record_of(f"aaaaaaaa{number:024x}") for number in range(MOST_FOUND + 2)]
    for record in records:
        book.add(record)
    assert book.find(0xAAAAAAAA) == records[2:]


def test_book_is_read_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "records.jsonl"
    with opened(path) as book:
        book.add(record_of("aaaaaaaa" + "0" * 24, seed=1))
    with opened(path) as book:
        book.add(record_of("bbbbbbbb" + "0" * 24, seed=2))
        assert [record.seed for record in book.find(0xAAAAAAAA)] == [1]
        assert [record.seed for record in book.find(0xBBBBBBBB)] == [2]


def test_line_that_a_crash_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    whole = record_of().to_line() + "\n"
    path.write_text(whole + whole[:50])
    with opened(path) as book:
        book.add(record_of(seed=3))
        assert [record.seed for record in book.find(record_of().mark_id)] == [-7, 3]


def test_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(f"{record_of().to_line()}\nnonsense\n")
    with pytest.raises(ServingFailure, match=r"line 2 of .* is no record"):
        RecordBook(path)


def test_book_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with opened(path), pytest.raises(ServingFailure, match="another server writes"):
        RecordBook(path)
    with opened(path):
        pass


def test_nobody_else_on_the_machine_may_read_it(tmp_path: Path, book: RecordBook) -> None:
    assert stat.S_IMODE(os.stat(tmp_path / "records.jsonl").st_mode) == 0o600


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServingFailure, match="cannot be written"):
        RecordBook(tmp_path / "file" / "records.jsonl")
