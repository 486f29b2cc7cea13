"""Portraits: the same arguments draw the same person, and the truth fits the picture."""

from dataclasses import fields, replace

import numpy as np
import pytest

from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.person import Person, identity_vector, person_from_seed
from scripts.pocket.portraits import draw_portrait
from scripts.pocket.scene import (
    ACCESSORIES,
    ART_STYLES,
    BACKGROUNDS,
    EXPRESSIONS,
    GARMENTS,
    HAIR_STYLES,
    LIGHTS,
)

PERSON = person_from_seed(1_000_000)
SCENE = scene_of(1_000_000, 0)


def test_same_seed_draws_the_same_pixels() -> None:
    first, second = drawing_of(17, 3), drawing_of(17, 3)
    assert np.array_equal(first.picture, second.picture)
    assert np.array_equal(first.keypoints, second.keypoints)


def test_person_does_not_depend_on_the_scene() -> None:
    again = person_from_seed(PERSON.seed)
    draw_portrait(again, scene_of(5, 1))
    assert again == PERSON


def test_persons_differ_in_every_continuous_parameter() -> None:
    other = person_from_seed(1_000_001)
    shared = [f.name for f in fields(Person) if getattr(PERSON, f.name) == getattr(other, f.name)]
    assert set(shared) <= {"mole", "scar", "freckles"}  # what most people lack


def test_identity_vector_is_about_unit_size() -> None:
    identities = np.stack([identity_vector(person_from_seed(seed)) for seed in range(300)])
    assert np.all(np.abs(identities.mean(0)) < 0.4)
    assert np.all((identities.std(0) > 0.5) & (identities.std(0) < 1.5))


@pytest.mark.parametrize("seed", range(1_000_000, 1_000_020))
def test_keypoints_are_inside_and_in_insightface_order(seed: int) -> None:
    portrait = drawing_of(seed, 0)
    assert portrait.picture.shape == (128, 128, 3)
    assert np.all((portrait.keypoints >= 0) & (portrait.keypoints < 128))
    left_eye, right_eye, nose, left_mouth, right_mouth = portrait.keypoints
    assert left_eye[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    x1, y1, x2, y2 = portrait.face_bbox
    assert x1 < nose[0] < x2
    assert y1 < nose[1] < y2


def test_size_changes_the_picture_but_not_the_composition() -> None:
    small, large = draw_portrait(PERSON, SCENE, 64), draw_portrait(PERSON, SCENE, 256)
    assert large.picture.shape == (256, 256, 3)
    assert np.allclose(small.keypoints * 4, large.keypoints, atol=1e-3)


@pytest.mark.parametrize(
    ("attribute", "choices"),
    [
        pytest.param("hair_style", HAIR_STYLES, id="hair"),
        pytest.param("garment", GARMENTS, id="garment"),
        pytest.param("background", BACKGROUNDS, id="background"),
        pytest.param("accessory", ACCESSORIES, id="accessory"),
        pytest.param("expression", EXPRESSIONS, id="expression"),
        pytest.param("light", LIGHTS, id="light"),
        pytest.param("art_style", ART_STYLES, id="art-style"),
    ],
)
def test_every_choice_of_an_attribute_looks_different(
    attribute: str, choices: tuple[str, ...]
) -> None:
    calm = replace(SCENE, light="daylight", art_style="plain", accessory="none")
    pictures = {
        draw_portrait(PERSON, replace(calm, **{attribute: choice}), 64).picture.tobytes()
        for choice in choices
    }
    assert len(pictures) == len(choices)
