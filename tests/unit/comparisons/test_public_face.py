"""What is reported of public faces."""

from scripts.comparisons.public_face import report, table
from scripts.comparisons.public_face_comparison import QUICK
from scripts.comparisons.public_face_ways import PRIVATE, PUBLIC, RECOMMENDED

_ROW = {
    "somebody_at_search_1_percent": 0.25,
    "source_at_pair_1_percent": 0.125,
    "same_cosine": 0.4,
}


def test_headline_is_of_the_way_to_take_and_against_private_faces() -> None:
    assert RECOMMENDED in [way.name for way in PUBLIC]
    reported = report({PRIVATE.name: {"same_cosine": 0.8}, RECOMMENDED: _ROW}, QUICK)
    assert reported["public_face_matched"] == 0.25
    assert reported["public_face_matched_to_source"] == 0.125
    assert reported["public_face_consistency"] == 0.5
    assert reported["public_face_gallery"] == QUICK.gallery


def test_table_has_a_dash_for_what_a_row_cannot_have() -> None:
    heading, _, row = table({"strangers": {"same_cosine": 0.4}}).split("\n")
    assert row.count("| -") == heading.count("|") - 3
    assert "| 0.40 |" in row
