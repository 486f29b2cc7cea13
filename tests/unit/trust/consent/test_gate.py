"""The gate: who passes, by which photo, card or face, and under which policy."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from instantid_server.contract import ConsentLevel
from instantid_server.errors import (
    ConsentFaceMismatch,
    ConsentInvalid,
    ConsentMissing,
    ConsentScope,
    PolicyUnavailable,
)
from instantid_server.trust.consent.gate import NO_CONSENT, ConsentGate
from instantid_server.trust.consent.issuing import attest, photo_digest
from instantid_server.trust.consent.template import Templates, tenant_label
from instantid_server.trust.keys import Keys, make_test_keys
from instantid_server.trust.policy import ConsentPolicy
from scripts.consent.token_target import ANOTHER_PHOTO, NOW, PHOTO, TENANT, Target

ROOT = Path(__file__).parents[4]
DRAWN = sorted((ROOT / "tests" / "data").glob("*.png"))


def faces(count: int) -> NDArray[np.float32]:
    """Return raw embeddings of people who have nothing in common."""
    return np.random.default_rng(0).standard_normal((count, 512)).astype(np.float32)


def gate_of(tmp_path: Path, policy: ConsentPolicy | None = None) -> ConsentGate:
    """Return the gate of a new keys folder, at a time when the demo's consents hold."""
    folder = tmp_path / "keys"
    if not folder.exists():
        make_test_keys(folder)
    return ConsentGate.load(policy or ConsentPolicy(), Keys.load(folder), NOW.timestamp)


def test_good_token_tells_by_whose_word(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys")
    consent = target.use(target.token(max_uses=5))
    assert (consent.level, consent.issuer) == (ConsentLevel.VERIFIED, "studio")
    assert (consent.subject, consent.max_uses, consent.tenant) == ("person-1", 5, TENANT)
    assert consent.consent_id
    assert consent.templates == ()


def test_token_without_a_tenant_is_for_every_one(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys")
    assert target.use(target.token(tenant=None), tenant="").level is ConsentLevel.VERIFIED


def test_card_is_let_in_by_the_digest_of_its_photo(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys")
    token = target.token().encode()
    assert target.gate.check(token, None, TENANT, photo_digest(PHOTO)).issuer == "studio"
    with pytest.raises(ConsentScope, match="lists by its SHA-256"):
        target.gate.check(token, None, TENANT, photo_digest(ANOTHER_PHOTO))


@pytest.mark.parametrize(("self_attested", "hinted"), [(True, True), (False, False)])
def test_missing_token_says_what_helps(tmp_path: Path, self_attested: bool, hinted: bool) -> None:
    gate = gate_of(tmp_path, ConsentPolicy(self_attested=self_attested))
    with pytest.raises(ConsentMissing) as error:
        gate.check(None, PHOTO, "")
    assert ("--i-have-consent" in error.value.message) is hinted


def test_policy_that_asks_for_none_still_checks_what_comes(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys", ConsentPolicy(required=False))
    assert target.gate.check(None, PHOTO, TENANT) == NO_CONSENT
    assert target.use(target.token()).level is ConsentLevel.VERIFIED
    with pytest.raises(ConsentScope):
        target.use(target.token(), ANOTHER_PHOTO)


def test_attested_photo_passes_for_an_hour(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys")
    token = attest(PHOTO, target.keys.folder, TENANT, NOW)
    assert target.use(token).level is ConsentLevel.SELF_ATTESTED
    target.now = NOW + timedelta(hours=1)
    with pytest.raises(Exception, match="CONSENT_EXPIRED"):
        target.use(token)


def test_strict_policy_says_that_a_verified_consent_is_needed(tmp_path: Path) -> None:
    gate = gate_of(tmp_path, ConsentPolicy(self_attested=False))
    token = attest(PHOTO, tmp_path / "keys", None, NOW).encode()
    with pytest.raises(ConsentInvalid, match="that an issuer verified, got self_attested"):
        gate.check(token, PHOTO, "")


def test_face_of_a_template_passes_on_any_photo_where_the_policy_says_so(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys", ConsentPolicy(templates=True))
    mine, stranger = faces(2)
    template = Templates(target.keys.template).make(mine, tenant_label(TENANT)).to_text()
    token = target.token(templates=[template])
    listed = target.use(token)
    target.gate.check_face(listed, stranger)  # its photo is on the list, whoever is on it
    other = target.use(token, ANOTHER_PHOTO)
    target.gate.check_face(other, mine)
    with pytest.raises(ConsentFaceMismatch, match="found another"):
        target.gate.check_face(other, stranger)


@pytest.mark.parametrize("template", ["AAAA", "A" * 174], ids=["short", "of-an-unknown-key"])
def test_template_that_cannot_be_compared_is_like_nobody(tmp_path: Path, template: str) -> None:
    target = Target(tmp_path / "keys", ConsentPolicy(templates=True))
    consent = target.use(target.token(templates=[template]), ANOTHER_PHOTO)
    with pytest.raises(ConsentFaceMismatch):
        target.gate.check_face(consent, faces(1)[0])


def test_clock_that_went_back_denies_until_it_is_right_again(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys")
    token = target.token()
    target.use(token)
    target.now = NOW - timedelta(seconds=61)
    with pytest.raises(PolicyUnavailable, match="clock went back"):
        target.use(token)
    target.now = NOW - timedelta(seconds=59)
    target.use(token)


@pytest.mark.parametrize("photo", DRAWN, ids=lambda path: path.name)
def test_every_drawn_person_has_consented(tmp_path: Path, photo: Path) -> None:
    token = photo.with_name(f"{photo.name}.consent").read_bytes().strip()
    consent = gate_of(tmp_path).check(token, photo.read_bytes(), "anybody")
    assert (consent.issuer, consent.level) == ("demo", ConsentLevel.SELF_ATTESTED)


def test_drawn_persons_can_be_left_out(tmp_path: Path) -> None:
    token = DRAWN[0].with_name(f"{DRAWN[0].name}.consent").read_bytes().strip()
    with pytest.raises(ConsentInvalid, match="nobody whose word counts here"):
        gate_of(tmp_path, ConsentPolicy(demo=False)).check(token, DRAWN[0].read_bytes(), "")


def test_refusals_hold_nothing_of_token_or_person(tmp_path: Path) -> None:
    target = Target(tmp_path / "keys")
    claims = target.claims()
    for changes in ({"aud": "x"}, {"jti": " "}, {"exp": 1}, {"scope": "y"}, {"azp": "z"}):
        token = target.sign({**claims, **changes})
        with pytest.raises(Exception, match="CONSENT_") as error:
            target.use(token)
        for secret in (*token.split("."), claims["sub"], claims["jti"]):
            assert secret not in str(error.value)
