"""Protected people: drawn for nobody but themselves, and never by an operator's mistake."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from instantid_server.contract import ConsentLevel
from instantid_server.errors import RefusedPolicy
from instantid_server.trust.consent.gate import NO_CONSENT, Consent
from instantid_server.trust.consent.template import Templates
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import ProtectedPolicy
from instantid_server.trust.protected.check import FaceSource, ProtectedCheck, least_estimate
from instantid_server.trust.protected.registry import Reason
from instantid_server.trust.protected.registry_editor import Protection
from tests.unit.trust.protected.faces import RECOGNISER, Embedding, face, like

Load = Callable[[], ProtectedCheck]
Protect = Callable[..., str]
TODAY = datetime.now(UTC).date()
OWN = Protection(Reason.OWN_REQUEST, issuer="studio", subject="s-1")


def reason(
    check: ProtectedCheck,
    *faces: Embedding,
    source: FaceSource = FaceSource.REFERENCE,
    consent: Consent = NO_CONSENT,
) -> str:
    """Return why these faces are refused; empty: they are not."""
    try:
        check.check(np.array(faces, np.float32).reshape(-1, 512), source, consent)
    except RefusedPolicy as refusal:
        return refusal.reason
    return ""


@pytest.mark.parametrize("source", FaceSource)
def test_protected_face_is_refused_and_others_are_not(
    load: Load, protect: Protect, source: FaceSource
) -> None:
    protect(face(1))
    protect(face(2))
    check = load()
    assert reason(check, face(2), source=source) == f"protected:{source}"
    assert reason(check, like(face(1), 0.6), source=source) == f"protected:{source}"
    assert reason(check, face(3), source=source) == ""


def test_one_protected_face_among_others_is_enough(load: Load, protect: Protect) -> None:
    protect(face(1))
    faces = [face(3), face(1), face(4)]
    assert reason(load(), *faces, source=FaceSource.PICTURE) == "protected:picture"


def test_empty_registry_and_empty_picture_pass(load: Load, protect: Protect) -> None:
    check = load()
    assert reason(check, face(1)) == ""
    protect(face(1))
    assert reason(check, source=FaceSource.PICTURE) == ""


def test_without_a_registry_nobody_is_protected_and_no_pin_is_needed(keys: Keys) -> None:
    assert reason(ProtectedCheck.load(ProtectedPolicy(), keys, RECOGNISER), face(1)) == ""


def test_operator_may_leave_pictures_unchecked(keys: Keys, path: Path, protect: Protect) -> None:
    protect(face(1))
    policy = ProtectedPolicy(registry=str(path), check_output=False)
    check = ProtectedCheck.load(policy, keys, RECOGNISER)
    assert reason(check, face(1), source=FaceSource.PICTURE) == ""
    assert reason(check, face(1)) == "protected:reference"


def test_protection_lasts_to_the_end_of_its_last_day(load: Load, protect: Protect) -> None:
    protect(face(1), Protection(Reason.ESTATE, expires=TODAY - timedelta(days=1)))
    protect(face(2), Protection(Reason.ESTATE, expires=TODAY + timedelta(days=1)))
    check = load()
    assert reason(check, face(1)) == ""
    assert reason(check, face(2)) == "protected:reference"


@pytest.mark.parametrize(
    ("consent", "refused"),
    [
        (Consent(ConsentLevel.VERIFIED, "c", "studio", "s-1"), False),
        (Consent(ConsentLevel.SELF_ATTESTED, "c", "studio", "s-1"), True),
        (Consent(ConsentLevel.VERIFIED, "c", "others", "s-1"), True),
        (Consent(ConsentLevel.VERIFIED, "c", "studio", "s-2"), True),
        (NO_CONSENT, True),
    ],
    ids=["own", "self-attested", "other-issuer", "other-subject", "none"],
)
def test_only_their_own_verified_consent_lifts_the_protection(
    load: Load, protect: Protect, consent: Consent, refused: bool
) -> None:
    protect(face(1), OWN)
    assert bool(reason(load(), face(1), consent=consent)) is refused


def test_empty_subject_is_nobodys_exemption(load: Load, protect: Protect) -> None:
    protect(face(1))
    consent = Consent(ConsentLevel.VERIFIED, "c", issuer="", subject="")
    assert reason(load(), face(1), consent=consent) == "protected:reference"


def test_own_consent_lifts_nobody_elses_protection(load: Load, protect: Protect) -> None:
    protect(face(1), OWN)
    protect(like(face(1), 0.9))
    consent = Consent(ConsentLevel.VERIFIED, "c", "studio", "s-1")
    assert reason(load(), face(1), consent=consent) == "protected:reference"


def test_refusal_tells_the_caller_nothing(load: Load, protect: Protect) -> None:
    entry_id = protect(face(1))
    with pytest.raises(RefusedPolicy) as refused:
        load().check(face(1)[None], FaceSource.REFERENCE, NO_CONSENT)
    assert str(refused.value) == str(RefusedPolicy(reason="prompt:undress"))
    assert entry_id not in refused.value.reason


def test_face_at_the_threshold_passes_in_about_one_of_six_cases(templates: Templates) -> None:
    pairs = [(face(number), like(face(number), 0.35, 1000 + number)) for number in range(400)]
    estimates = [
        templates.cosine_estimate(templates.make(one, "label"), other, "label")
        for one, other in pairs
    ]
    passed = np.mean(np.array(estimates) < least_estimate(0.35))
    assert 0.10 < passed < 0.24  # 0.16, give or take four deviations of 400 tries
