"""Consent tokens: read as they were issued, and refused for any claim that makes no sense."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from instantid_server.contract import ConsentLevel
from instantid_server.errors import ConsentExpired, ConsentInvalid
from instantid_server.trust.consent.issuing import photo_digest
from instantid_server.trust.consent.token import CLOCK_SKEW_S, TOKEN_TYPE
from scripts.consent.token_target import (
    MAX_DAYS,
    NOW,
    PHOTO,
    TENANT,
    Target,
    encoded_part,
)

KID_IS_A_LIST = f"{encoded_part({'alg': 'EdDSA', 'typ': TOKEN_TYPE, 'kid': []})}.e30."


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path / "keys")


def test_token_says_what_was_granted(target: Target) -> None:
    token = target.gate.read(target.token(max_uses=3, scope="portraits archive").encode())
    assert (token.issuer.name, token.issuer.level) == ("studio", ConsentLevel.VERIFIED)
    assert (token.subject, token.tenant, token.max_uses) == ("person-1", TENANT, 3)
    assert token.photo_digests == {photo_digest(PHOTO)}
    assert token.scopes == {"portraits", "archive"}
    assert token.expires_s - token.issued_s == timedelta(days=7).total_seconds()


def test_two_tokens_of_one_grant_have_ids_of_their_own(target: Target) -> None:
    first, second = (target.gate.read(target.token().encode()) for _ in range(2))
    assert first.consent_id != second.consent_id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"jti": ""}, "jti: expected 1 to 128", id="empty-id"),
        pytest.param({"jti": "a\nb"}, "jti: expected 1 to 128", id="id-of-two-lines"),
        pytest.param({"sub": "x" * 129}, "sub: expected 1 to 128", id="long-subject"),
        pytest.param({"sub": 7}, "sub: expected 1 to 128", id="subject-as-number"),
        pytest.param({"azp": 7}, "azp: expected a tenant", id="tenant-as-number"),
        pytest.param({"iss": "somebody"}, "expected the issuer studio", id="another-name"),
        pytest.param({"exp": 2e9}, "exp: expected a whole number", id="fraction-of-a-second"),
        pytest.param({"iat": True}, "iat: expected a whole number", id="bool-as-time"),
        pytest.param({"nbf": "now"}, "nbf: expected a whole number", id="text-as-time"),
        pytest.param({"max_uses": 0}, "max_uses: expected a whole number", id="no-use"),
        pytest.param({"scope": ["portraits"]}, "scope: expected words", id="scope-as-list"),
        pytest.param({"ref_sha256": "a" * 64}, "ref_sha256: expected a list", id="no-list"),
        pytest.param({"ref_sha256": ["A" * 64]}, "ref_sha256: expected a list", id="upper-case"),
        pytest.param({"tpl": ["a=b"]}, "tpl: expected a list", id="no-base64url"),
        pytest.param({"ref_sha256": []}, "expected ref_sha256 or tpl", id="nobody"),
        pytest.param({"aud": ["others"]}, "expected the audience instantid", id="other-servers"),
    ],
)
def test_claim_that_is_not_as_it_should_be_is_named(
    target: Target, changes: dict[str, Any], reason: str
) -> None:
    token = target.sign({**target.claims(), **changes})
    with pytest.raises(ConsentInvalid, match=f"consent_token: {reason}"):
        target.use(token)


@pytest.mark.parametrize("claim", ["iss", "aud", "jti", "iat", "exp", "sub", "scope"])
def test_claim_that_is_missing_is_named(target: Target, claim: str) -> None:
    claims = target.claims()
    del claims[claim]
    with pytest.raises(ConsentInvalid, match=f"expected the claim {claim}, found none"):
        target.use(target.sign(claims))


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "....", "\x00", "ä", "e30.e30.", "W10.e30.", KID_IS_A_LIST]
)
def test_what_is_no_token_is_refused_without_being_quoted(target: Target, text: str) -> None:
    with pytest.raises(ConsentInvalid) as error:
        target.use(text)
    assert error.value.message.startswith("consent_token: expected a JWT of the type consent+jwt")
    assert error.value.__cause__ is None


def test_token_holds_until_the_second_it_ends(target: Target) -> None:
    token, ends = target.token(), NOW + timedelta(days=7)
    target.now = ends - timedelta(seconds=1)
    target.use(token)
    target.now = ends
    with pytest.raises(ConsentExpired, match="it has expired"):
        target.use(token)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_issuers_clock_may_be_a_minute_ahead(target: Target, claim: str) -> None:
    now_s = int(NOW.timestamp())
    target.use(target.sign({**target.claims(), claim: now_s + CLOCK_SKEW_S}))
    with pytest.raises(ConsentExpired, match="not in force yet"):
        target.use(target.sign({**target.claims(), claim: now_s + CLOCK_SKEW_S + 1}))


def test_token_may_last_as_long_as_its_issuer_may_say(target: Target) -> None:
    target.use(target.token(lasts=timedelta(days=MAX_DAYS)))
    with pytest.raises(ConsentInvalid, match=f"at most {MAX_DAYS} days"):
        target.use(target.token(lasts=timedelta(days=MAX_DAYS, seconds=1)))
