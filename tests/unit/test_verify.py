"""The public model's answer: words for programs, sentences for people, and not too many of them."""

import json
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from instantid_server.caller import Caller
from instantid_server.contract import CredentialsState, MarkState, RecordState
from instantid_server.errors import ImageUnreadable, InvalidInput, RateLimited
from instantid_server.trust.rate_limit import RateLimit
from instantid_server.trust.verification import Verdict
from instantid_server.verify import Verification

GOOD = Verdict(CredentialsState.TRUSTED, MarkState.OURS, RecordState.MATCH, "ab" * 16)
PICTURE = {"image": np.array([b"a picture"], dtype=np.object_)}


@dataclass
class VerifierThatSays:
    """Gives the same verdict on everything, or fails."""

    verdict: Verdict | Exception

    def verify(self, encoded: bytes) -> Verdict:
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


def verification(verdict: Verdict | Exception, per_minute: int = 60) -> Verification:
    return Verification(VerifierThatSays(verdict), RateLimit(per_minute, clock=lambda: 0.0))


@pytest.mark.parametrize("states", [*product(CredentialsState, MarkState, RecordState)])
def test_every_verdict_has_words_and_a_sentence_for_each(
    states: tuple[CredentialsState, MarkState, RecordState],
) -> None:
    answer = verification(Verdict(*states, record_id=None)).answer(PICTURE, Caller())
    assert [answer[name].tolist() for name in ("credentials", "mark", "record")] == [
        [state.encode()] for state in states
    ]
    summary = json.loads(answer["summary"][0])
    assert [summary[name] for name in ("credentials", "mark", "record")] == list(states)
    assert len({*summary["sentences"]}) == 3
    assert summary["record_id"] is None


def test_summary_names_the_record() -> None:
    answer = verification(GOOD).answer(PICTURE, Caller())
    assert json.loads(answer["summary"][0])["record_id"] == "ab" * 16


def test_questions_of_a_tenant_are_limited_and_failed_ones_count() -> None:
    asked = verification(ImageUnreadable("image: expected a picture"), per_minute=2)
    for _ in range(2):
        with pytest.raises(ImageUnreadable):
            asked.answer(PICTURE, Caller(tenant="a"))
    with pytest.raises(RateLimited, match="try again in 30 s"):
        asked.answer(PICTURE, Caller(tenant="a"))
    with pytest.raises(ImageUnreadable):
        asked.answer(PICTURE, Caller(tenant="b"))


def test_two_pictures_in_one_question_are_refused() -> None:
    two = {"image": np.array([b"one", b"two"], dtype=np.object_)}
    with pytest.raises(InvalidInput, match=r"image: expected the shape \(1,\), got \(2,\)"):
        verification(GOOD).answer(two, Caller())
