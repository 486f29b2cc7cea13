"""A request that is refused for now is sent again, if the caller wants that."""

import itertools

import pytest

from instantid_client import (
    ConnectionFailed,
    Draining,
    FaceNotFound,
    Generation,
    InstantIDError,
    InvalidInput,
    ModelNotReady,
    OutOfMemory,
    Overloaded,
    Progress,
    Unavailable,
)
from instantid_client._call import Call
from instantid_client._retries import Tries
from instantid_server.contract import RETRY_HINT
from tests.client.answers import progress, result
from tests.client.fake_transport import Script
from tests.client.programs import Program

AT_ONCE = RETRY_HINT.format(seconds=0)
RETRIED = [Overloaded, Draining, ModelNotReady, ConnectionFailed]


@pytest.mark.parametrize("error", RETRIED)
def test_refused_request_is_sent_again(program: Program, error: type[InstantIDError]) -> None:
    script = Script([result()], failures=[error(AT_ONCE), error(AT_ONCE)])
    assert program(script, retries=2).generate(prompt="p").pictures
    assert len(script.requests) == 3


@pytest.mark.parametrize("error", RETRIED)
def test_error_of_the_last_try_is_raised(program: Program, error: type[InstantIDError]) -> None:
    script = Script([error(AT_ONCE)])
    with pytest.raises(error):
        program(script, retries=2).generate(prompt="p")
    assert len(script.requests) == 3


def test_nothing_is_sent_again_unless_it_is_wanted(program: Program) -> None:
    script = Script([Overloaded(AT_ONCE)])
    with pytest.raises(Overloaded):
        program(script).generate(prompt="p")
    assert len(script.requests) == 1


@pytest.mark.parametrize("error", [FaceNotFound, OutOfMemory])
def test_what_another_try_would_not_mend_is_raised_at_once(
    program: Program, error: type[InstantIDError]
) -> None:
    script = Script([error(AT_ONCE)])
    with pytest.raises(error):
        program(script, retries=2).generate(prompt="p")
    assert len(script.requests) == 1


def test_every_try_asks_for_the_same_pictures(program: Program) -> None:
    script = Script([result()], failures=[ConnectionFailed(AT_ONCE)] * 2)
    program(script, retries=2).generate(prompt="p")
    tries = [(inputs["seed"].tolist(), call.request_id) for _, inputs, call in script.requests]
    assert [tries[0]] * 3 == tries


def test_seed_of_the_caller_is_kept(program: Program) -> None:
    script = Script([result()])
    program(script, retries=1).generate(prompt="p", seed=0)
    assert script.requests[0][1]["seed"].tolist() == [0]


def test_stream_that_breaks_starts_over(program: Program) -> None:
    script = Script([progress(1), result()], failures=[ModelNotReady(AT_ONCE)])
    events = program(script, retries=1).events(9, prompt="p")
    assert [type(event) for event in events] == [Progress, Generation]
    assert len(script.requests) == 2


def test_stream_that_breaks_in_the_middle_starts_over(program: Program) -> None:
    script = Script([progress(1), Draining(AT_ONCE)])
    with pytest.raises(Draining):
        program(script, retries=2).events(9, prompt="p")
    assert len(script.requests) == 3


def test_tries_share_the_timeout(program: Program) -> None:
    script = Script([result()], failures=[Overloaded(AT_ONCE)])
    program(script, retries=1).generate(prompt="p")
    first, second = (call.timeout_s for _, _, call in script.requests)
    assert first is not None
    assert second is not None
    assert 0 < second < first


def test_hint_beyond_the_timeout_ends_the_tries_at_once(program: Program) -> None:
    script = Script([Overloaded(RETRY_HINT.format(seconds=9))])
    with pytest.raises(Overloaded):
        program(script, retries=5).generate(prompt="p", timeout_s=5.0)
    assert len(script.requests) == 1


def pauses(error: Unavailable, retries: int) -> list[float]:
    tries = Tries(Call("r1", {}, None), retries)
    return [tries.pause_s(error) for _ in range(retries)]


def test_pause_is_as_long_as_the_server_asks_or_a_little_longer() -> None:
    (pause_s,) = pauses(Overloaded(RETRY_HINT.format(seconds=8)), 1)
    assert 8 <= pause_s <= 10


def test_pauses_without_a_hint_grow() -> None:
    lengths = pauses(ConnectionFailed("gone"), 5)
    assert all(shorter < longer for shorter, longer in itertools.pairwise(lengths))
    assert sum(lengths) > 30  # a server that is started again takes so long


def test_fewer_tries_than_one_are_refused(program: Program) -> None:
    with pytest.raises(InvalidInput, match="retries: expected 0 or more, got -1"):
        program(Script(), retries=-1)
