"""An attack: somebody's try to have a picture that nobody allowed, and the answer it gets."""

from collections.abc import Callable
from dataclasses import dataclass

from instantid_server.errors import InstantIDError


@dataclass(frozen=True)
class Attack:
    """One try."""

    name: str
    succeeded: bool
    answer: str  # the code of the refusal, or what came instead


def attempt(name: str, act: Callable[[], object]) -> Attack:
    """Try an attack that has to end with one of the server's errors."""
    try:
        came = act()
    except InstantIDError as error:
        return Attack(name, False, error.code)
    return Attack(name, True, type(came).__name__)
