"""The limit of questions, under a clock that the test turns."""

import pytest

from instantid_server.errors import RateLimited
from instantid_server.trust.rate_limit import RateLimit


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(per_minute=6, clock=clock)


def use_up(limit: RateLimit, tenant: str = "a") -> int:
    """Ask until the limit is reached; return how many questions it took."""
    for count in range(100):
        try:
            limit.take(tenant)
        except RateLimited:
            return count
    raise AssertionError("there is no limit")


def test_tenant_has_a_minutes_questions_at_once(limit: RateLimit) -> None:
    assert use_up(limit) == 6


def test_refusal_says_when_to_come_back_and_is_right(limit: RateLimit, clock: Clock) -> None:
    use_up(limit)
    with pytest.raises(RateLimited, match="more questions than 6 a minute; try again in 10 s"):
        limit.take("a")
    clock.now_s += 10
    limit.take("a")


def test_refused_questions_do_not_delay_the_next(limit: RateLimit, clock: Clock) -> None:
    use_up(limit)
    for _ in range(4):
        clock.now_s += 2.5
        if clock.now_s < 10:
            with pytest.raises(RateLimited):
                limit.take("a")
    limit.take("a")


def test_questions_do_not_gather_beyond_a_minutes(limit: RateLimit, clock: Clock) -> None:
    use_up(limit)
    clock.now_s += 3600
    assert use_up(limit) == 6


def test_tenant_takes_nothing_from_another(limit: RateLimit) -> None:
    use_up(limit, "a")
    assert use_up(limit, "b") == 6


def test_memory_of_tenants_is_bounded(limit: RateLimit) -> None:
    for number in range(11_000):
        limit.take(f"tenant {number}")
    assert len(limit._buckets) == 10_000
