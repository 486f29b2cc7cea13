"""The simulated dynamic batcher."""

import pytest

from scripts.cluster.batcher import WAIT_S, Batcher

SECONDS = (0.0, 1.2, 1.5)  # of none, one and two


def busy_batcher(loses_wakeups: bool) -> Batcher[str]:
    """Return a batcher whose stage computes the first item from 10.0 to 11.2."""
    batcher: Batcher[str] = Batcher(SECONDS, loses_wakeups)
    batcher.put(10.0, "first")
    assert batcher.take(10.0) == (["first"], 1.2)
    batcher.be_idle(11.2)
    return batcher


def test_nothing_forms_while_nothing_comes() -> None:
    assert Batcher[str](SECONDS, loses_wakeups=True).forms_at() is None


def test_what_comes_to_an_idle_stage_starts_at_once() -> None:
    batcher = busy_batcher(loses_wakeups=True)
    batcher.put(12.0, "second")
    assert batcher.forms_at() == 12.0


def test_what_comes_meanwhile_goes_together_as_soon_as_the_stage_is_idle() -> None:
    batcher = busy_batcher(loses_wakeups=False)
    for moment, item in ((10.2, "second"), (10.4, "third"), (10.6, "fourth")):
        batcher.put(moment, item)
    assert batcher.forms_at() == 11.2
    assert batcher.take(11.2) == (["second", "third"], 1.5)


def test_a_lost_wake_up_is_made_good_by_the_next_that_comes() -> None:
    batcher = busy_batcher(loses_wakeups=True)
    batcher.put(11.1, "second")
    batcher.put(11.3, "third")
    assert batcher.forms_at() == 11.3
    assert batcher.take(11.3) == (["second", "third"], 1.5)


def test_a_lost_wake_up_ends_with_the_batchers_own_wait() -> None:
    batcher = busy_batcher(loses_wakeups=True)
    batcher.put(11.1, "second")
    assert batcher.forms_at() == pytest.approx(10.0 + 3 * WAIT_S)


def test_no_wake_up_is_lost_if_the_own_wait_ends_while_the_stage_computes() -> None:
    batcher = busy_batcher(loses_wakeups=True)
    batcher.put(10.9, "second")
    assert batcher.forms_at() == 11.2


def test_what_a_full_batch_leaves_over_is_not_forgotten() -> None:
    batcher = busy_batcher(loses_wakeups=True)
    for item in ("second", "third", "fourth"):
        batcher.put(12.0, item)
    assert batcher.take(12.0) == (["second", "third"], 1.5)
    batcher.be_idle(13.5)
    assert batcher.forms_at() == 13.5
