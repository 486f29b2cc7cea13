"""What the numbers of a table say of scores that are known by heart."""

from dataclasses import replace

import numpy as np
import pytest

from scripts.evaluate.scores import answered
from scripts.evaluate.statistics import (
    attribute_accuracy,
    compromise,
    identity_cosine,
    identity_ratio,
    pose_error,
    pose_error_median,
    prompt_accuracy,
    prompt_accuracy_min,
    true_accept,
    verification_ratio,
)
from tests.unit.evaluate.made_up import made_up_scores

NAN = float("nan")


def test_identity_is_a_share_of_what_true_drawings_reach() -> None:
    pictures, truth = made_up_scores([0.4, 0.2]), made_up_scores([0.8, 0.4])
    assert identity_ratio(pictures, truth) == pytest.approx(0.5)
    assert identity_cosine(pictures, truth) == pytest.approx(0.3)


def test_person_who_is_refused_once_is_left_out_everywhere() -> None:
    runs = {1: made_up_scores([0.4, NAN, 0.3]), 2: made_up_scores([0.5, 0.5, NAN])}
    kept, truth = answered(runs, made_up_scores([0.8, 0.8, 0.1]))
    assert [run.persons.tolist() for run in (*kept.values(), truth)] == [[0], [0], [0]]
    assert identity_ratio(kept[1], truth) == pytest.approx(0.5)


def test_picture_is_accepted_where_it_beats_all_but_one_in_a_hundred_strangers() -> None:
    nobody = made_up_scores([0.0] * 10)
    half = made_up_scores([0.5, 0.0] * 5)
    truth = made_up_scores([0.9] * 10)
    assert [true_accept(one, truth) for one in (nobody, half, truth)] == [0.0, 0.5, 1.0]
    assert verification_ratio(half, truth) == 0.5
    assert np.isnan(verification_ratio(half, nobody))


def test_person_who_comes_twice_is_no_stranger_to_himself() -> None:
    twice = made_up_scores([0.5] * 4)
    rows = np.array([0, 0, 1, 1])
    assert true_accept(twice.rows(rows), twice) == 1.0


def test_prompt_is_averaged_over_attributes_and_told_for_each() -> None:
    pictures = replace(
        made_up_scores([0.5, 0.5]), right=np.array([[1.0, 0.0, 1.0], [1.0, 0.0, NAN]])
    )
    assert prompt_accuracy(pictures, pictures) == pytest.approx(2 / 3)
    assert prompt_accuracy_min(pictures, pictures) == 0.0
    assert [attribute_accuracy(index)(pictures, pictures) for index in range(3)] == [1.0, 0.0, 1.0]


def test_attribute_that_was_asked_of_nobody_has_no_share_and_spoils_none() -> None:
    pictures = replace(made_up_scores([0.5]), right=np.array([[1.0, 1.0, NAN]]))
    assert np.isnan(attribute_accuracy(2)(pictures, pictures))
    assert prompt_accuracy(pictures, pictures) == prompt_accuracy_min(pictures, pictures) == 1.0


def test_one_lost_face_moves_the_mean_of_the_pose_and_not_its_median() -> None:
    pictures = replace(made_up_scores([0.5] * 3), pose_errors=np.array([0.02, 0.04, 3.0]))
    assert pose_error(pictures, pictures) == pytest.approx(1.02)
    assert pose_error_median(pictures, pictures) == pytest.approx(0.04)


def test_compromise_is_low_where_either_half_is() -> None:
    truth = made_up_scores([0.8, 0.8])
    copied = replace(truth, right=np.zeros((2, 3)))
    assert compromise(truth, truth) == 1.0
    assert compromise(copied, truth) == 0.0
    assert compromise(made_up_scores([0.0, 0.0]), truth) == 0.0
