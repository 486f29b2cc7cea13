"""Whether an answer is one that the server may give to nonsense."""

import re

from instantid_server.contract import ErrorCode
from instantid_server.errors import ERRORS, InvalidInput
from scripts.fuzz.raw_request import RawAnswer
from scripts.steady.leaks import leaks

_CODE = re.compile(rf"\[({'|'.join(ErrorCode)})\]")
# The server's own answers to a request; every other code means that something broke.
_OF_REQUESTS = frozenset(code for code, kind in ERRORS.items() if issubclass(kind, InvalidInput))
_EXPECTED_CODES = _OF_REQUESTS | {
    ErrorCode.DEADLINE_EXCEEDED,  # a timeout of microseconds
    ErrorCode.OVERLOADED,
    ErrorCode.RATE_LIMITED,
}
# Triton's, for what never reaches a model: an input that is not the model's, or not whole.
_REFUSED = frozenset(("INVALID_ARGUMENT", "NOT_FOUND", "400", "404"))

_UNREADABLE = re.compile(r"Unable to parse '")  # its HTTP side says 500 to JSON of a wrong type


def complaint(answer: RawAnswer) -> str | None:
    """Return what is wrong with an answer; None: nothing."""
    if answer.status == "OK":
        return None
    if given_away := leaks(answer.message):
        return f"gives away {', '.join(given_away)}: {answer.message}"
    code = _CODE.search(answer.message)
    if code is not None:
        return None if code[1] in _EXPECTED_CODES else f"broke something: {answer.message}"
    if answer.status not in _REFUSED and not _UNREADABLE.search(answer.message):
        return f"has no code, but status {answer.status}: {answer.message}"
    return None
