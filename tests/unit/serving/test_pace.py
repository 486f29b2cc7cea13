"""What recent steps say of a step to come."""

import pytest
from clocks import Clock

from instantid_server.serving.pace import StepPace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> StepPace:
    return StepPace(clock)


def test_nothing_is_said_before_the_first_step(pace: StepPace) -> None:
    assert (pace.seconds_per_step(100), pace.typical()) == (None, None)


def test_same_work_takes_the_same_time(pace: StepPace) -> None:
    pace.add(100, 0.5)
    assert pace.seconds_per_step(100) == pytest.approx(0.5)


def test_more_work_takes_at_least_as_long(pace: StepPace) -> None:
    pace.add(100, 0.5)
    assert pace.seconds_per_step(800) == pytest.approx(0.5)


def test_less_work_takes_at_least_its_share(pace: StepPace) -> None:
    pace.add(800, 0.8)
    assert pace.seconds_per_step(100) == pytest.approx(0.1)


def test_one_slow_step_changes_little(pace: StepPace) -> None:
    for seconds in (0.5, 0.5, 30.0, 0.5, 0.5):
        pace.add(100, seconds)
    assert pace.seconds_per_step(100) == pytest.approx(0.5)
    assert pace.typical() == pytest.approx(0.5)


def test_steps_are_forgotten_after_a_minute(pace: StepPace, clock: Clock) -> None:
    pace.add(100, 30.0)
    clock.now_s += 59
    assert pace.seconds_per_step(100) == pytest.approx(30.0)
    clock.now_s += 2
    assert pace.seconds_per_step(100) is None


def test_recent_steps_replace_older_ones(pace: StepPace) -> None:
    for seconds in [9.0] * 64 + [0.5] * 64:
        pace.add(100, seconds)
    assert pace.typical() == pytest.approx(0.5)
