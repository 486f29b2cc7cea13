"""A few repairs in ten minutes are allowed, however long the server has run."""

from clocks import Clock

from instantid_server.serving.repair_limit import WITHIN_S, RepairLimit

MOST = 3


def test_one_more_than_the_limit_is_refused() -> None:
    limit = RepairLimit(MOST, Clock())
    assert [limit.take() for _ in range(MOST + 1)] == [True] * MOST + [False]


def test_old_ones_are_forgotten() -> None:
    clock = Clock()
    limit = RepairLimit(MOST, clock)
    for _ in range(MOST):
        limit.take()
    clock.now_s += WITHIN_S
    assert limit.take()


def test_refused_ones_do_not_count() -> None:
    clock = Clock()
    limit = RepairLimit(MOST, clock)
    for _ in range(MOST):
        limit.take()
    clock.now_s += WITHIN_S - 1
    assert not limit.take()
    clock.now_s += 1
    assert limit.take()
