"""What the judge says where the truth is known: of true drawings, copies and refusals."""

import numpy as np
import pytest

from scripts.evaluate.examiner import Examiner
from scripts.evaluate.gate import gate_cases, gate_figures, missed_floors
from scripts.judge.judge import Judge

CASES = gate_cases()


def test_true_drawings_pass_the_gate_and_are_their_own_ceiling() -> None:
    figures = gate_figures(CASES, [case.truth.picture for case in CASES])
    assert missed_floors(figures) == []
    assert figures["identity_ratio"].value == pytest.approx(1.0)
    assert figures["pose_error"].value == figures["pose_error"].ceiling


def test_copies_of_the_reference_keep_the_person_and_neither_prompt_nor_pose() -> None:
    missed = missed_floors(gate_figures(CASES, [case.reference.picture for case in CASES]))
    assert {floor.figure for floor in missed} == {"prompt_accuracy", "pose_error"}


def test_refused_picture_leaves_its_row_empty_and_the_others_alone() -> None:
    few = CASES[:3]
    examiner = Examiner(Judge(), [case.person for case in few])
    whole = examiner.score_truth(few)
    one_refused = examiner.score(few, [few[0].truth.picture, None, few[2].truth.picture])
    assert np.isnan(one_refused.cosines).tolist() == [False, True, False]
    assert np.isnan(one_refused.right[1]).all()
    assert one_refused.cosines[[0, 2]] == pytest.approx(whole.cosines[[0, 2]], abs=1e-5)
