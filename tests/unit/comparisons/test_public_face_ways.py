"""Embeddings of public faces: as far from their sources as asked, and still a face's."""

import numpy as np
import pytest

from scripts.comparisons.public_face_ways import PRIVATE, Way, unit
from scripts.pocket.arrays import Floats

_WIDTH = 512


def people(count: int) -> Floats:
    """Return embeddings of so many, of which each number but the first ten is 0."""
    rng = np.random.default_rng(1)
    embeddings = np.zeros((count, _WIDTH), np.float32)
    embeddings[:, :10] = 18 * rng.standard_normal((count, 10))
    return embeddings


def made(way: Way, sources: Floats, seed: int = 0) -> Floats:
    return way.embedding(sources, people(50), np.random.default_rng(seed))


def test_private_face_is_its_only_source() -> None:
    sources = people(1)
    assert made(PRIVATE, sources) == pytest.approx(sources[0], abs=1e-4)


def test_mixture_is_as_near_to_a_loud_source_as_to_a_quiet_one() -> None:
    sources = people(2) * np.array([[1], [5]], np.float32)
    cosines = unit(sources) @ unit(made(Way("mixed", sources=2), sources))
    assert cosines[0] == pytest.approx(cosines[1], abs=1e-5)


@pytest.mark.parametrize("angle", [0, 60, 90, 180])
def test_turned_face_is_that_angle_away(angle: float) -> None:
    sources = people(1)
    face = made(Way("turned", angle_degrees=angle), sources)
    assert unit(sources[0]) @ unit(face) == pytest.approx(np.cos(np.deg2rad(angle)), abs=1e-5)


def test_face_keeps_to_the_length_and_the_directions_of_faces() -> None:
    sources = people(3)
    face = made(Way("both", sources=3, angle_degrees=90), sources)
    assert np.linalg.norm(face) == pytest.approx(np.linalg.norm(sources, axis=1).mean())
    assert face[10:] == pytest.approx(0, abs=1e-4)


def test_one_person_has_many_public_faces() -> None:
    way = Way("turned", angle_degrees=90)
    first, second = (unit(made(way, people(1), seed)) for seed in (0, 1))
    assert first @ second < 0.9
