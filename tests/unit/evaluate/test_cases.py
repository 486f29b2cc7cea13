"""Whom an evaluation asks for, and in which scene."""

from scripts.evaluate.cases import Case, cases_of, changed_scene, unseen_persons
from scripts.evaluate.dials import dial_cases
from scripts.evaluate.effort import FULL, QUICK
from scripts.evaluate.main_table import runs_of
from scripts.evaluate.parts import TOKENS, part_cases
from scripts.evaluate.sheet import sheet_rows
from scripts.pocket.drawings import scene_of
from scripts.pocket.person import FIRST_UNSEEN_SEED


def test_scene_changes_hair_clothing_place_and_art_of_the_reference() -> None:
    for person in unseen_persons(20):
        before, after = scene_of(person, 0), changed_scene(person)
        assert before.hair_style != after.hair_style
        assert before.garment != after.garment
        assert before.background != after.background
        assert before.art_style != after.art_style
        assert before.pose != after.pose


def test_truth_is_the_same_person_in_the_scene_that_is_asked_for() -> None:
    person = FIRST_UNSEEN_SEED
    case = Case(person, scene_of(person, 0), seed=1)
    assert (case.truth.picture == case.reference.picture).all()


def test_parts_and_dials_share_the_pictures_that_are_the_same() -> None:
    ours = dict.fromkeys(case for run in runs_of(QUICK) for case in run)
    tokens_only = part_cases(QUICK)[TOKENS][0]
    at_zero, at_default = (
        dial_cases(QUICK, "controlnet_conditioning_scale")[scale] for scale in (0.0, 0.8)
    )
    assert set(at_default) <= set(ours)
    assert tokens_only[: len(at_zero)] == at_zero


def test_sheet_shows_persons_who_are_in_no_table() -> None:
    of_tables = set(unseen_persons(FULL.persons))
    rows = sheet_rows(FULL)
    assert (len(rows), {len(row) for row in rows}) == (8, {6})
    assert of_tables.isdisjoint(case.person for row in rows for case in row)
    assert len({case.scene for row in rows for case in row}) == 6


def test_case_is_asked_for_once_by_its_value() -> None:
    assert cases_of([FIRST_UNSEEN_SEED], 1) == cases_of([FIRST_UNSEEN_SEED], 1)
    assert cases_of([FIRST_UNSEEN_SEED], 1) != cases_of([FIRST_UNSEEN_SEED], 2)
