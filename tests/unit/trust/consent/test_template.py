"""Templates of faces: comparable with the key, meaningless without it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from instantid_server.identity import cosine
from instantid_server.trust.consent.template import (
    CODE_BYTES,
    ESTIMATE_DEVIATION,
    PROTECTED_LABEL,
    Template,
    TemplateError,
    Templates,
    tenant_label,
)
from instantid_server.trust.keys import VersionedKeys

OLD, NEW, OTHERS = (bytes([number]) * 32 for number in (1, 2, 3))
OURS = Templates(VersionedKeys(2, {1: OLD, 2: NEW}))
LABEL = tenant_label("studio")


def faces(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return raw embeddings of people who have nothing in common."""
    return np.random.default_rng(seed).standard_normal((count, 512)).astype(np.float32)


def alike(face: NDArray[np.float32], share: float, seed: int) -> NDArray[np.float32]:
    """Return another embedding of a cosine near `share`, and of another length."""
    (other,) = faces(1, seed)
    mixed: NDArray[np.float32] = 3 * (share * face + np.float32((1 - share**2) ** 0.5) * other)
    return mixed


def estimate(face: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return OURS.cosine_estimate(OURS.make(face, LABEL), other, LABEL)


@pytest.mark.parametrize("share", [0.0, 0.35, 0.5, 0.8, 0.99])
def test_estimate_lies_about_the_cosine_with_the_error_that_is_stated(share: float) -> None:
    errors = []
    for seed, face in enumerate(faces(100)):
        other = alike(face, share, seed + 1000)
        errors.append(estimate(face, other) - cosine(face, other))
    assert abs(np.mean(errors)) < 3 * ESTIMATE_DEVIATION / 10  # of the mean of 100
    assert np.std(errors) < 1.25 * ESTIMATE_DEVIATION  # three deviations of a deviation of 100
    assert np.max(np.abs(errors)) < 4.5 * ESTIMATE_DEVIATION


def test_same_face_estimates_one_whatever_its_length() -> None:
    (face,) = faces(1)
    assert estimate(face, face) == estimate(face, 7 * face) == 1


@pytest.mark.parametrize(
    ("templates", "label"),
    [
        pytest.param(Templates(VersionedKeys(2, {2: OTHERS})), LABEL, id="another-server"),
        pytest.param(OURS, tenant_label("another"), id="another-tenant"),
        pytest.param(OURS, PROTECTED_LABEL, id="another-purpose"),
    ],
)
def test_one_face_under_two_keys_or_labels_has_nothing_in_common(
    templates: Templates, label: str
) -> None:
    codes = [OURS.code(face, LABEL, 2) for face in faces(20)]
    others = [templates.code(face, label, 2) for face in faces(20)]
    differing = np.unpackbits(np.array(codes) ^ np.array(others)).mean()
    # A fair coin's share of 20 x 1024 throws lies within four deviations of a half.
    assert abs(differing - 0.5) < 4 * 0.5 / np.sqrt(20 * 1024)


def test_templates_of_an_older_key_still_match() -> None:
    (face,) = faces(1)
    old = Templates(VersionedKeys(1, {1: OLD})).make(face, LABEL)
    assert OURS.make(face, LABEL).key_version == OURS.current == 2
    assert OURS.cosine_estimate(old, face, LABEL) == 1


def test_template_of_a_key_that_is_not_here_is_refused() -> None:
    (face,) = faces(1)
    with pytest.raises(TemplateError, match="key 9, which is not here"):
        OURS.cosine_estimate(Template(9, bytes(CODE_BYTES)), face, LABEL)


def test_many_codes_give_the_estimates_of_each() -> None:
    people, (face,) = faces(30), faces(1, seed=7)
    codes = np.stack([OURS.code(person, PROTECTED_LABEL, 1) for person in people])
    expected = [
        OURS.cosine_estimate(Template(1, code.tobytes()), face, PROTECTED_LABEL) for code in codes
    ]
    np.testing.assert_array_equal(OURS.estimate_many(codes, face, PROTECTED_LABEL, 1), expected)
    assert OURS.estimate_many(codes[:0], face, PROTECTED_LABEL, 1).shape == (0,)


def test_code_is_the_same_in_every_version_of_this_software() -> None:
    """Registries and tokens hold codes for years: nothing of how they are made may change."""
    face = np.arange(512, dtype=np.float32) - 256
    code = OURS.code(face, "a label", 1)
    assert code.tobytes().hex().startswith("629880e3fc4a7f81")
    assert code.tobytes().hex().endswith("42c636597d34c7a5")


def test_text_of_a_template_is_read_back() -> None:
    made = OURS.make(faces(1)[0], LABEL)
    assert Template.from_text(made.to_text()) == made
    assert len(made.to_text()) == 174


@pytest.mark.parametrize("text", ["", "%%%", "AAAA", "é" * 174, "A" * 178])
def test_text_that_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="expected a template"):
        Template.from_text(text)


def test_codes_are_in_no_repr() -> None:
    made = OURS.make(faces(1)[0], LABEL)
    assert repr(made) == "Template(key_version=2)"


def test_label_may_hold_what_json_lets_through() -> None:
    assert OURS.make(faces(1)[0], tenant_label("\ud800")).key_version == 2
