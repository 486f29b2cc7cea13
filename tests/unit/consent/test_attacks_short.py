"""`make consent` in short: every attack that needs no server, and what the search would find."""

from types import ModuleType

import numpy as np
import pytest

from scripts.consent import (
    audit_attacks,
    card_attacks,
    registry_attacks,
    sieve_attacks,
    token_attacks,
)
from scripts.consent.personal import PersonalThings

PARTS = (token_attacks, card_attacks, registry_attacks, sieve_attacks, audit_attacks)


@pytest.mark.parametrize("part", PARTS, ids=[part.__name__.rpartition(".")[2] for part in PARTS])
def test_every_attack_is_refused(part: ModuleType) -> None:
    attacks = part.attacks()
    assert len(attacks) > 10
    assert [attack for attack in attacks if attack.succeeded] == []


def test_search_finds_a_thing_in_each_of_its_forms() -> None:
    rng = np.random.default_rng(0)
    things = PersonalThings(
        photo=rng.bytes(5000),
        embedding=rng.normal(size=512).astype(np.float32),
        prompt="a portrait",
        subject="person-1",
        consent_token=f"head.claims.{'s' * 86}",
    )
    assert len(things.forms()) == 5
    for name, forms in things.forms().items():
        for form in forms:
            assert things.found_in(b"before" + form + b"after") == [name]
    assert things.found_in(b"nothing of them") == []
