"""How a request ended, judged by what a caller may expect."""

from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import grpc  # type: ignore[import-untyped]  # has no types
from tritonclient.utils import InferenceServerException

from instantid_client import (
    ConnectionFailed,
    DeadlineExceeded,
    InstantIDError,
    ModelNotReady,
    UnexpectedAnswer,
)
from scripts.steady.leaks import leaks


class Ending(StrEnum):
    """The first five are in order, the others are not."""

    PICTURE = "right picture"
    GIVEN_UP = "given up by its caller"
    ERROR = "typed error"
    DISCONNECTED = "connection lost"
    AWAY = "model away"  # Triton's word while it is started again, typed by the client
    WRONG_PICTURE = "wrong picture"
    TWICE = "two answers"
    SILENCE = "no answer in time"
    UNTYPED = "error without a code"
    LEAK = "error that gives something away"


IN_ORDER = frozenset(
    (Ending.PICTURE, Ending.GIVEN_UP, Ending.ERROR, Ending.DISCONNECTED, Ending.AWAY)
)


@dataclass(frozen=True)
class Ended:
    """One request that is over. Seconds of the monotonic clock."""

    way: str  # how it was sent
    began_s: float
    ended_s: float
    ending: Ending
    code: str  # of the error; empty: a picture
    message: str = ""

    @property
    def is_picture(self) -> bool:
        """Tell whether it brought what was asked for."""
        return self.ending is Ending.PICTURE

    def in_words(self) -> str:
        """Return a line for a person."""
        return f"{self.way}: {self.ending} {self.code} {self.message}".rstrip()


def violations(ended: list[Ended]) -> list[Ended]:
    """Return the requests that ended as none may."""
    return [one for one in ended if one.ending not in IN_ORDER]


def failed(way: str, began_s: float, error: Exception) -> Ended:
    """Return the end of a request that an error has just ended."""
    ending, ended_s = ending_of(error), monotonic()
    if isinstance(error, InstantIDError):
        return Ended(way, began_s, ended_s, ending, error.code, error.message)
    return Ended(way, began_s, ended_s, ending, type(error).__name__, str(error))


def ending_of(error: Exception) -> Ending:
    """Return what an error of the client means for its caller."""
    if not isinstance(error, InstantIDError):
        return Ending.UNTYPED
    if leaks(error.message):
        return Ending.LEAK
    if isinstance(error, ConnectionFailed):
        return Ending.DISCONNECTED
    if f"[{error.code}]" in _as_received(error):
        return Ending.ERROR
    if isinstance(error, ModelNotReady):
        return Ending.AWAY
    if isinstance(error, DeadlineExceeded | UnexpectedAnswer):  # the client's own, having waited
        return Ending.SILENCE
    return Ending.UNTYPED


def _as_received(error: InstantIDError) -> str:
    """Return the text that came over the network."""
    cause = error.__cause__
    if isinstance(cause, grpc.RpcError):
        return str(cause.details())
    if isinstance(cause, InferenceServerException):
        return str(cause.message())
    return ""
