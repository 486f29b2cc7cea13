"""What recent steps say of a step to come."""

import pytest
from clocks import Clock

from instantid_server.serving.pace import AroundSteps, RequestPace, StepPace


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


def test_work_between_two_measured_amounts_lies_on_the_line(pace: StepPace) -> None:
    for work, seconds in ((100, 0.2), (200, 0.3), (400, 0.9)):
        pace.add(work, seconds)
    assert pace.seconds_per_step(150) == pytest.approx(0.25)
    assert pace.seconds_per_step(300) == pytest.approx(0.6)


def test_more_work_than_was_measured_goes_on_as_steeply(pace: StepPace) -> None:
    for work, seconds in ((100, 0.2), (200, 0.3)):
        pace.add(work, seconds)
    assert pace.seconds_per_step(400) == pytest.approx(0.5)


def test_more_work_never_takes_less(pace: StepPace) -> None:
    for work, seconds in ((100, 0.3), (200, 0.2)):
        pace.add(work, seconds)
    assert pace.seconds_per_step(400) == pytest.approx(0.3)


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
    for seconds in [9.0] * 256 + [0.5] * 256:
        pace.add(100, seconds)
    assert pace.typical() == pytest.approx(0.5)


def test_time_around_steps_is_the_median_of_recent_requests(clock: Clock) -> None:
    pace = RequestPace(clock)
    assert pace.typical() == AroundSteps(0.0, 0.0)
    for before_s in (1.0, 2.0, 30.0):
        pace.add(AroundSteps(before_s, after_s=0.5))
    assert pace.typical() == AroundSteps(2.0, 0.5)
    clock.now_s += 61
    assert pace.typical() == AroundSteps(0.0, 0.0)
