"""The record index: places by mark id, the latest ones, in little memory."""

import tracemalloc

from instantid_server.serving.record_index import RecordIndex

PICTURES = 100_000


def test_places_of_an_id_are_found_among_others() -> None:
    index = RecordIndex()
    for number, mark_id in enumerate((7, 8, 7, 2**32 - 1)):
        index.add(mark_id, 2**40 + number, 700 + number)
    assert index.find(7, most=8) == [(2**40, 700), (2**40 + 2, 702)]
    assert index.find(2**32 - 1, most=8) == [(2**40 + 3, 703)]
    assert index.find(9, most=8) == []


def test_only_the_latest_places_are_returned() -> None:
    index = RecordIndex()
    for start in range(5):
        index.add(1, start, 10)
    assert index.find(1, most=2) == [(3, 10), (4, 10)]


def test_nothing_is_found_where_nothing_is() -> None:
    assert RecordIndex().find(1, most=8) == []


def test_a_picture_takes_no_more_than_twenty_bytes() -> None:
    index = RecordIndex()
    tracemalloc.start()
    for number in range(PICTURES):
        index.add(number, 700 * number, 700)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken <= 20 * PICTURES
