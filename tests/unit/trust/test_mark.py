"""The spectrum mark: what it survives, whom it believes, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest

from instantid_server.contract import MarkState
from instantid_server.images import RGB
from instantid_server.trust.keys import Keys, VersionedKeys, make_test_keys
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.marks.pattern import Pattern
from instantid_server.trust.marks.spectrum import SpectrumWatermarker
from instantid_server.trust.policy import MarkPolicy
from scripts.provenance.edits import EDITS, Edit
from scripts.provenance.mark_attacks import average, copy
from scripts.provenance.pictures import drawings, texture
from scripts.psnr import psnr_db

RECORD_ID = "89abcdef" + "0123456789abcdef01234567"
MARK_ID = 0x89ABCDEF
AMPLITUDE = MarkPolicy().amplitude
OLD_KEY, KEY = bytes(range(32)), bytes(range(1, 33))


def watermarker(keys: dict[int, bytes]) -> SpectrumWatermarker:
    return SpectrumWatermarker(VersionedKeys(max(keys), keys), AMPLITUDE)


def textures(seed: int, count: int, height: int = 512, width: int = 512) -> list[RGB]:
    rng = np.random.default_rng(seed)
    return [texture(rng, height, width) for _ in range(count)]


MARK = watermarker({1: KEY})
OURS = Detection(MarkState.OURS, MARK_ID, 1)
NO_MARK = Detection(MarkState.NONE)


@pytest.mark.parametrize("edit", [pytest.param(edit, id=name) for name, edit in EDITS.items()])
@pytest.mark.parametrize(
    "pictures",
    [pytest.param(drawings(2), id="small-and-flat"), pytest.param(textures(1, 1), id="large")],
)
def test_the_id_is_read_after_everyday_edits(pictures: list[RGB], edit: Edit) -> None:
    for picture in pictures:
        assert MARK.detect(edit(MARK.embed(picture, RECORD_ID))) == OURS


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (96, 200), (333, 257), (640, 512), (2048, 1024), (1024, 2048)]
)
def test_pictures_of_any_size_and_shape_can_be_marked(height: int, width: int) -> None:
    (picture,) = textures(2, 1, height, width)
    marked = MARK.embed(picture, RECORD_ID)
    assert marked.shape == picture.shape
    assert MARK.detect(marked) == OURS


@pytest.mark.parametrize(
    ("pictures", "least_db"),
    [pytest.param(drawings(4), 32, id="small"), pytest.param(textures(3, 3), 45, id="large")],
)
def test_the_mark_is_faint(pictures: list[RGB], least_db: float) -> None:
    ratios = [psnr_db(picture, MARK.embed(picture, RECORD_ID)) for picture in pictures]
    assert np.mean(ratios) >= least_db


def test_no_clean_picture_reads_as_ours() -> None:
    clean = [*drawings(12), *textures(4, 2), *textures(5, 10, 128, 192)]
    clean += [np.full((128, 128, 3), level, np.uint8) for level in (0, 128, 255)]
    assert all(MARK.detect(picture) == NO_MARK for picture in clean)


def test_a_mark_of_another_key_is_none_of_ours() -> None:
    (picture,) = textures(6, 1)
    assert watermarker({1: OLD_KEY}).detect(MARK.embed(picture, RECORD_ID)) == NO_MARK


def test_a_mark_of_an_older_key_is_still_read_and_named() -> None:
    (picture,) = drawings(1)
    old = watermarker({1: OLD_KEY}).embed(picture, RECORD_ID)
    found = watermarker({1: OLD_KEY, 2: KEY}).detect(old)
    assert found == Detection(MarkState.OURS, MARK_ID, 1)


def test_new_pictures_are_marked_with_the_newest_key() -> None:
    (picture,) = drawings(1)
    both = watermarker({1: OLD_KEY, 17: KEY})
    assert both.detect(both.embed(picture, RECORD_ID)).key_version == 17


def test_a_key_file_renamed_to_another_version_proves_nothing() -> None:
    (picture,) = drawings(1)
    renamed = watermarker({2: KEY})
    assert renamed.detect(MARK.embed(picture, RECORD_ID)).state is MarkState.INCONCLUSIVE


def test_key_record_id_and_picture_decide_every_pixel() -> None:
    (picture,) = drawings(1)
    again = watermarker({1: KEY}).embed(picture, RECORD_ID)
    np.testing.assert_array_equal(MARK.embed(picture, RECORD_ID), again)


def test_the_shift_looks_random_to_whoever_lacks_the_key() -> None:
    ids = [f"{number:032x}" for number in range(400)]
    shifts = np.array([[(s := Pattern(KEY).shift(i)).down, s.across] for i in ids])
    other = np.array([[(s := Pattern(OLD_KEY).shift(i)).down, s.across] for i in ids])
    np.testing.assert_allclose(shifts.mean(0), 0.5, atol=0.06)  # four standard deviations
    np.testing.assert_allclose(shifts.std(0), 12**-0.5, atol=0.03)
    assert abs(np.corrcoef(shifts.ravel(), other.ravel())[0, 1]) < 0.15


def test_marking_leaves_the_given_picture_alone() -> None:
    (picture,) = drawings(1)
    before = picture.copy()
    MARK.embed(picture, RECORD_ID)
    np.testing.assert_array_equal(picture, before)


def test_the_average_of_many_marks_forges_none_and_without_the_shift_it_would() -> None:
    (*originals, victim) = drawings(51)
    found = average(MARK, originals, [victim], rng())
    assert (found.forged, found.forged_of_one_id) == (0, 1)


def test_a_copied_mark_reads_as_ours_on_a_picture_that_is_not() -> None:
    found = copy(MARK, textures(9, 1), textures(10, 1), rng())
    assert (found.read_as_ours, found.unnoticed) == (1, 0)


def test_the_policy_chooses_the_mark(tmp_path: Path) -> None:
    make_test_keys(tmp_path / "keys")
    keys = Keys.load(tmp_path / "keys")
    assert make_watermarker(MarkPolicy(watermarker="none"), keys) is None
    assert isinstance(make_watermarker(MarkPolicy(), keys), SpectrumWatermarker)


def rng() -> np.random.Generator:
    return np.random.default_rng(11)
