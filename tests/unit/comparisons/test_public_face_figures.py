"""Figures of public faces, from embeddings that are made up."""

import numpy as np
import pytest

from scripts.comparisons.public_face_figures import Thresholds, consistency, privacy
from scripts.comparisons.public_face_ways import unit
from scripts.pocket.arrays import Floats

_GALLERY = np.eye(6, dtype=np.float32)
_THRESHOLDS = Thresholds(pair_1_percent=0.5, pair_01_percent=0.7, search_1_percent=0.9)
_NOBODY = np.full(6, 6**-0.5, np.float32)  # as far from everybody in the gallery


def near(person: int, cosine: float) -> Floats:
    """Return an embedding with a cosine to one of the first five, and otherwise to the last."""
    face: Floats = np.zeros(6, np.float32)
    face[person], face[5] = cosine, np.sqrt(1 - cosine**2)
    return face


def test_thresholds_let_so_many_strangers_pass() -> None:
    rng = np.random.default_rng(2)
    gallery, strangers = (unit(rng.standard_normal((400, 16))) for _ in range(2))
    thresholds = Thresholds.from_strangers(strangers, gallery)
    cosines = strangers @ gallery.T
    assert (cosines >= thresholds.pair_1_percent).mean() == pytest.approx(0.01, abs=1e-4)
    assert (cosines >= thresholds.pair_01_percent).mean() == pytest.approx(0.001, abs=1e-4)
    assert (cosines.max(1) >= thresholds.search_1_percent).mean() == pytest.approx(0.01)


def test_face_near_its_source_is_taken_for_it() -> None:
    pictures = np.stack([[near(0, 0.6), near(0, 0.8)], [_NOBODY, _NOBODY]])
    figures = privacy(pictures, np.array([[0], [1]]), _GALLERY, _THRESHOLDS)
    assert figures["source_at_pair_1_percent"] == 0.5
    assert figures["source_at_pair_01_percent"] == 0.25


def test_face_near_any_of_its_sources_counts() -> None:
    pictures = np.stack([[near(3, 0.8)]])
    figures = privacy(pictures, np.array([[1, 3]]), _GALLERY, _THRESHOLDS)
    assert figures["source_cosine"] == pytest.approx(0.8)
    assert figures["source_at_pair_1_percent"] == 1


def test_face_near_somebody_else_is_found_but_not_as_its_source() -> None:
    pictures = np.stack([[near(4, 0.95)]])
    figures = privacy(pictures, np.array([[0]]), _GALLERY, _THRESHOLDS)
    assert figures["somebody_at_search_1_percent"] == 1
    assert figures["source_at_pair_1_percent"] == 0


def test_face_without_a_source_has_no_figures_of_it() -> None:
    figures = privacy(_NOBODY[None, None], np.empty((1, 0), np.int64), _GALLERY, _THRESHOLDS)
    assert figures["somebody_at_pair_01_percent"] == 0
    assert "source_cosine" not in figures


def test_faces_that_stay_and_differ_are_consistent() -> None:
    pictures = np.stack([[_GALLERY[face]] * 3 for face in range(4)])
    figures = consistency(pictures, _THRESHOLDS)
    assert figures["same_cosine"] == 1
    assert figures["same_cosine_noise"] == 0
    assert figures["different_cosine"] == 0
    assert figures["same_at_pair_1_percent"] == 1


def test_faces_that_change_from_scene_to_scene_are_not() -> None:
    pictures = np.stack([[_GALLERY[0], _GALLERY[1]], [_GALLERY[0], _GALLERY[1]]])
    figures = consistency(pictures, _THRESHOLDS)
    assert figures["same_cosine"] == 0
    assert figures["different_cosine"] == 0.5
    assert figures["same_at_pair_1_percent"] == 0
