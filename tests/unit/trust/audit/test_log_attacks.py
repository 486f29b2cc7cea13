"""Attacks on the log by who has its files and no key: what has to be found, and what stays open."""

from scripts.consent.audit_attacks import attacks, open_attacks


def test_every_change_under_a_checkpoint_is_found() -> None:
    assert [attack for attack in attacks() if attack.succeeded] == []


def test_what_stays_open_is_told_as_such() -> None:
    assert all(attack.succeeded for attack in open_attacks())
