"""`make provenance` in short: few of every attack and edit, and no bar is missed."""

from scripts.bar import Bar
from scripts.provenance import credentials, identity, marks
from scripts.provenance.bars import BARS, violations


def test_marks_and_credentials_hold_against_a_few_of_each_attack() -> None:
    figures: dict[str, float] = {}
    for part in (credentials, marks, identity):
        figures |= part.measure(quick=True)
    assert violations(figures, BARS) == []


def test_bar_is_missed_by_what_is_too_low_too_high_or_no_number() -> None:
    bars = (Bar("recall", ">=", 0.9), Bar("errors", "<=", 0))
    assert violations({"recall": 0.9, "errors": 0}, bars) == []
    assert violations({"recall": 0.89, "errors": 1}, bars) == [
        "recall: expected >= 0.9, got 0.89",
        "errors: expected <= 0, got 1",
    ]
    assert len(violations({"recall": float("nan"), "errors": 0}, bars)) == 1


def test_mark_that_costs_a_face_more_than_chance_is_a_violation() -> None:
    figures = {"identity_generated_unmarked": 0.8, "identity_generated_noise": 0.01}
    assert violations({**figures, "identity_generated_marked": 0.795}, ()) == []
    assert violations({**figures, "identity_generated_marked": 0.78}, ()) == [
        "identity_generated: the mark costs 0.020 of the cosine"
    ]
