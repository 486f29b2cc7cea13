"""Names of schedulers: which of diffusers' a caller may choose, told without loading them."""

from instantid_server.contract import SCHEDULERS
from instantid_server.errors import InvalidInput

_ACCEPTED = {
    **{name.lower(): name for name in SCHEDULERS.values()},
    **{short.lower(): name for short, name in SCHEDULERS.items()},
}


def resolve_scheduler(name: str) -> str:
    """Return diffusers' class name for a class name or short name, in any case.

    Raises InvalidInput that lists what is accepted. Names are looked up in a table and never
    evaluated: they come from outside.
    """
    accepted = _ACCEPTED.get(name.strip().lower())
    if accepted is None:
        choices = ", ".join(f"{kind} ({short})" for short, kind in SCHEDULERS.items())
        raise InvalidInput(f"scheduler: expected one of {choices}; got {name[:64]!r}")
    return accepted
