"""Attributes: a scene becomes numbers of choices."""

from dataclasses import replace

import numpy as np

from scripts.judge.attributes import ATTRIBUTES, UNDEFINED, choices_of
from scripts.pocket.drawings import scene_of
from scripts.pocket.scene import NO_HAIR

SCENE = replace(scene_of(0, 0), hair_style="bun", hair_colour="grey", garment="dress")


def test_numbers_stand_for_the_choices_of_the_scene() -> None:
    for name, number in zip(ATTRIBUTES, choices_of(SCENE), strict=True):
        assert ATTRIBUTES[name][number] == getattr(SCENE, name)


def test_only_the_hair_colour_of_a_bald_head_is_undefined() -> None:
    choices = choices_of(replace(SCENE, hair_style=NO_HAIR))
    undefined = np.array(list(ATTRIBUTES))[choices == UNDEFINED]
    assert undefined.tolist() == ["hair_colour"]
