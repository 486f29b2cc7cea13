"""Waiting for what a running server will do soon."""

from collections.abc import Callable

from scripts.control_port import seconds_until


def wait_until(reached: Callable[[], bool], within_s: float, what: str) -> float:
    """Return after how many seconds it was so; raises AssertionError if it never was."""
    seconds = seconds_until(reached, within_s)
    assert seconds is not None, f"not within {within_s} s: {what}"
    return seconds
