"""The list of revocations: signed, fresh, read again when it changes."""

from datetime import timedelta
from pathlib import Path

import pytest

from instantid_server.errors import ConsentRevoked, PolicyUnavailable
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.revocations import extend_list
from instantid_server.trust.consent.signed_claims import ClaimsError
from instantid_server.trust.policy import ConsentPolicy
from scripts.consent.token_target import NOW, Target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "revoked"


@pytest.fixture
def target(tmp_path: Path, path: Path) -> Target:
    policy = ConsentPolicy(revocations=str(path), revocations_max_age_hours=24)
    target = Target(tmp_path / "keys", policy)
    extend_list(path, [], target.issuer, NOW)
    return target


def test_what_is_added_counts_from_the_next_request_on(target: Target, path: Path) -> None:
    token = target.token()
    consent_id = target.use(token).consent_id
    extend_list(path, [consent_id], target.issuer, NOW)
    with pytest.raises(ConsentRevoked, match="taken back"):
        target.use(token)
    target.use(target.token())


def test_person_who_takes_back_takes_back_every_consent(target: Target, path: Path) -> None:
    extend_list(path, ["person-1"], target.issuer, NOW)
    for token in (target.token(), target.token()):
        with pytest.raises(ConsentRevoked):
            target.use(token)
    target.use(target.token(subject="person-2"))


def test_list_grows_and_is_signed_anew(target: Target, path: Path) -> None:
    extend_list(path, ["a"], target.issuer, NOW)
    assert extend_list(path, ["b"], target.issuer, NOW + timedelta(hours=20)) == {"a", "b"}
    target.now = NOW + timedelta(hours=40)
    target.use(target.token())
    assert [entry.name for entry in path.parent.glob("*revoked*")] == ["revoked"]


def test_list_that_is_not_signed_anew_denies_everybody(target: Target) -> None:
    target.now = NOW + timedelta(hours=24)
    target.use(target.token())
    target.now += timedelta(seconds=1)
    with pytest.raises(PolicyUnavailable, match="too old"):
        target.use(target.token())


def test_list_of_the_future_is_not_the_end_of_all_others(target: Target, path: Path) -> None:
    extend_list(path, [], target.issuer, NOW + timedelta(hours=1))
    with pytest.raises(PolicyUnavailable, match="of the future"):
        target.use(target.token())
    extend_list(path, [], target.issuer, NOW)
    target.use(target.token())


def test_list_of_somebody_else_is_not_added_to(target: Target, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ClaimsError):
        extend_list(path, ["a"], IssuerKey.new("studio"), NOW)
    assert path.read_bytes() == before


def test_message_names_no_path(target: Target, path: Path) -> None:
    path.unlink()
    with pytest.raises(PolicyUnavailable, match="missing, or not signed") as error:
        target.use(target.token())
    assert str(path.parent) not in str(error.value)
