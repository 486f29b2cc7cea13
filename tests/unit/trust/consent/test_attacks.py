"""The attacks of `make consent` on tokens."""

from scripts.consent.token_attacks import attacks


def test_every_attack_on_tokens_is_refused_for_a_reason_of_consent() -> None:
    tried = attacks()
    assert [attack.name for attack in tried if attack.succeeded] == []
    assert {attack.answer for attack in tried} == {
        "CONSENT_MISSING",
        "CONSENT_INVALID",
        "CONSENT_EXPIRED",
        "CONSENT_REVOKED",
        "CONSENT_SCOPE",
        "CONSENT_FACE_MISMATCH",
        "POLICY_UNAVAILABLE",
    }
