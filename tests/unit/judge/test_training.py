"""Training of the judge: losses that want the right thing, and files that keep what was learned."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize, one_hot

from scripts.judge.attributes import ATTRIBUTES, UNDEFINED
from scripts.judge.export import export_judge
from scripts.judge.judge import Judge
from scripts.judge.networks import SceneReader, keypoints_of
from scripts.judge.person_training import network_input, pair_loss, train_person_reader
from scripts.judge.scene_training import choice_loss, keypoint_loss, train_scene_reader
from scripts.pocket.drawings import Drawings, drawing_of
from scripts.pocket.training_state import RunOptions, load_average


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    portraits = [drawing_of(person, index) for person in range(2) for index in range(5)]
    return Drawings(
        np.stack([portrait.picture for portrait in portraits]),
        np.stack([portrait.keypoints for portrait in portraits]),
    )


def test_pairs_of_one_person_should_be_alike_and_others_not() -> None:
    persons = normalize(torch.randn(8, 160, generator=torch.Generator().manual_seed(0)))
    assert pair_loss(persons, persons) < 0.1
    assert pair_loss(persons, persons.roll(1, 0)) > 10
    assert pair_loss(persons[:1].expand(8, -1), persons[:1].expand(8, -1)) > 1


def test_choices_should_be_right_where_there_is_one() -> None:
    widths = [len(choices) for choices in ATTRIBUTES.values()]
    choices = torch.tensor([[width - 1 for width in widths]])
    right = torch.cat([20.0 * one_hot(torch.tensor(width - 1), width) for width in widths])[None]
    assert choice_loss(right, choices) < 1e-3
    assert choice_loss(-right, choices) > 10
    bald = choices.clone()
    bald[0, 1] = UNDEFINED
    right[0, widths[0] : widths[0] + widths[1]] = 0
    assert choice_loss(right, choices) > 0.2
    assert choice_loss(right, bald) < 0.01


def test_keypoints_are_the_middle_of_a_spot_of_heat() -> None:
    heat = torch.full((1, 5, 32, 32), -20.0)
    heat[..., 10, 20:22] = 20.0
    expected = torch.tensor([21 * 4 - 0.5, 10.5 * 4 - 0.5]).expand(1, 5, 2)
    torch.testing.assert_close(keypoints_of(heat), expected)
    assert keypoint_loss(heat, expected) < keypoint_loss(heat, expected + 2)


def test_judge_is_exported_as_trained(drawings: Drawings, tmp_path: Path) -> None:
    train_person_reader(drawings, RunOptions(tmp_path / "person_reader.pt", 0.0, 1e-3), 0)
    train_scene_reader(drawings, RunOptions(tmp_path / "scene_reader.pt", 0.0, 1e-3), 0)
    export_judge(tmp_path, tmp_path)
    reader = SceneReader().eval()
    load_average(reader, tmp_path / "scene_reader.pt")
    with torch.inference_mode():
        _, keypoints = reader(network_input(drawings.pictures))
    judge = Judge(tmp_path)
    np.testing.assert_allclose(judge.keypoints(drawings.pictures), keypoints, atol=0.1)
    assert judge.embed(drawings.pictures, drawings.keypoints).shape == (10, 160)
