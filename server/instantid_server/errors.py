"""What can go wrong in a request. The class decides the code and Triton's status.

InstantIDError
├── InvalidInput            INVALID_ARG   a value out of range, of the wrong kind, or missing
│   ├── ImageUnreadable                   not a picture, cut off, or of a kind we do not open
│   ├── ImageTooLarge                     more bytes or pixels than we decode
│   ├── FaceNotFound                      no face where one is needed
│   ├── SeveralFaces                      more than one face and no `face_index`
│   ├── FaceCardInvalid                   not a card of this server, changed, or of old weights
│   ├── ConsentRefused                    the person's consent is not there; never raised itself
│   │   ├── ConsentMissing                no token
│   │   ├── ConsentInvalid                not a token of somebody whom this server believes
│   │   ├── ConsentExpired                over, or not yet begun
│   │   ├── ConsentRevoked                taken back
│   │   ├── ConsentScope                  for another purpose, another caller or another photo
│   │   ├── ConsentExhausted              used as often as allowed
│   │   └── ConsentFaceMismatch           of another person
│   ├── RefusedPolicy                     protected person or prompt; the record says which
│   ├── NotPublic                         a stage, asked by somebody else than this server
│   └── OutputUnsafe                      the safety stage flagged the picture
├── Cancelled               CANCELLED     the caller went away, or took the request back
├── DeadlineExceeded        UNAVAILABLE   the request's timeout passed, or is too short to meet
├── Overloaded              UNAVAILABLE   as many pictures run and wait as may; with a retry hint
├── Draining                UNAVAILABLE   the server is about to end; with a retry hint
├── ModelNotReady           UNAVAILABLE   a stage is loading or gone
├── OutOfMemory             UNAVAILABLE   a stage ran out of memory
├── RateLimited             UNAVAILABLE   more questions a minute than allowed; with a retry hint
├── PolicyUnavailable       UNAVAILABLE   what the policy demands is not there
├── ProvenanceUnavailable   UNAVAILABLE   a picture could not be marked, signed or recorded
└── StageFailed             INTERNAL      a stage broke; the reason stays in the server
    └── Internal                          anything that nobody foresaw

A message names the input, what was expected and what came. It never holds a path, a traceback, a
photo, an embedding, or a text of Triton's own, which can name shared-memory regions.
"""

import re
from enum import StrEnum

from instantid_server.contract import RETRY_HINT, STAGE_RETRY_S, ErrorCode

_ONE_ANSWER = "the operator's policy does not allow this picture"


class TritonStatus(StrEnum):
    """The members of Triton's TRITONSERVER_Error_Code that we answer with."""

    INVALID_ARG = "INVALID_ARG"
    CANCELLED = "CANCELLED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class InstantIDError(Exception):
    """Base of every error that may leave the server."""

    code = ErrorCode.INTERNAL
    status = TritonStatus.INTERNAL

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the message as it travels: `[CODE] message`."""
        return f"[{self.code}] {self.message}"


class InvalidInput(InstantIDError):
    """A value out of range, of the wrong kind, or missing."""

    code = ErrorCode.INVALID_INPUT
    status = TritonStatus.INVALID_ARG


class ImageUnreadable(InvalidInput):
    """Bytes that are not a picture we open."""

    code = ErrorCode.IMAGE_UNREADABLE


class ImageTooLarge(InvalidInput):
    """A picture with more bytes or pixels than we decode."""

    code = ErrorCode.IMAGE_TOO_LARGE


class FaceNotFound(InvalidInput):
    """No face where one is needed."""

    code = ErrorCode.FACE_NOT_FOUND


class SeveralFaces(InvalidInput):
    """More than one face and no `face_index`."""

    code = ErrorCode.SEVERAL_FACES


class FaceCardInvalid(InvalidInput):
    """Not a card that this server sealed, changed since, or of another recogniser."""

    code = ErrorCode.FACE_CARD_INVALID


class ConsentRefused(InvalidInput):
    """Base of what is wrong with a consent."""


class ConsentMissing(ConsentRefused):
    """The policy demands a consent token, and none came."""

    code = ErrorCode.CONSENT_MISSING


class ConsentInvalid(ConsentRefused):
    """Not a token of an issuer that this server believes."""

    code = ErrorCode.CONSENT_INVALID


class ConsentExpired(ConsentRefused):
    """The time of the consent is over, or has not begun."""

    code = ErrorCode.CONSENT_EXPIRED


class ConsentRevoked(ConsentRefused):
    """The consent was taken back."""

    code = ErrorCode.CONSENT_REVOKED


class ConsentScope(ConsentRefused):
    """The consent is for another purpose, another caller or another photo."""

    code = ErrorCode.CONSENT_SCOPE


class ConsentExhausted(ConsentRefused):
    """The consent was used as often as it allows."""

    code = ErrorCode.CONSENT_EXHAUSTED


class ConsentFaceMismatch(ConsentRefused):
    """The face is not the one that the consent is for."""

    code = ErrorCode.CONSENT_FACE_MISMATCH


class RefusedPolicy(InvalidInput):
    """What the policy does not allow. One answer for every reason, or it would be an oracle."""

    code = ErrorCode.REFUSED_POLICY

    def __init__(self, message: str = _ONE_ANSWER, *, reason: str = "") -> None:
        """Give the one answer; `reason` is for the record alone."""
        super().__init__(message)
        self.reason = reason


class NotPublic(InvalidInput):
    """A stage was asked by somebody else than this server's own models."""

    code = ErrorCode.NOT_PUBLIC


class OutputUnsafe(InvalidInput):
    """The safety stage flagged the picture; it stays in the server."""

    code = ErrorCode.OUTPUT_UNSAFE


class Cancelled(InstantIDError):
    """The caller went away, or took the request back."""

    code = ErrorCode.CANCELLED
    status = TritonStatus.CANCELLED


class DeadlineExceeded(InstantIDError):
    """The request's timeout passed, or is too short to meet."""

    code = ErrorCode.DEADLINE_EXCEEDED
    status = TritonStatus.UNAVAILABLE


class Overloaded(InstantIDError):
    """As many pictures run and wait as may; the message ends with a retry hint."""

    code = ErrorCode.OVERLOADED
    status = TritonStatus.UNAVAILABLE


class Draining(InstantIDError):
    """The server is about to end; the message ends with a retry hint."""

    code = ErrorCode.DRAINING
    status = TritonStatus.UNAVAILABLE


class ModelNotReady(InstantIDError):
    """A stage is loading or gone."""

    code = ErrorCode.MODEL_NOT_READY
    status = TritonStatus.UNAVAILABLE


class OutOfMemory(InstantIDError):
    """A stage ran out of memory."""

    code = ErrorCode.OUT_OF_MEMORY
    status = TritonStatus.UNAVAILABLE


class RateLimited(InstantIDError):
    """More questions a minute than the policy allows; the message ends with a retry hint."""

    code = ErrorCode.RATE_LIMITED
    status = TritonStatus.UNAVAILABLE


class PolicyUnavailable(InstantIDError):
    """What the policy demands is not there, so nothing is released."""

    code = ErrorCode.POLICY_UNAVAILABLE
    status = TritonStatus.UNAVAILABLE


class ProvenanceUnavailable(InstantIDError):
    """A picture could not be marked, signed or recorded, so it is not released."""

    code = ErrorCode.PROVENANCE_UNAVAILABLE
    status = TritonStatus.UNAVAILABLE


class StageFailed(InstantIDError):
    """A stage broke; the reason stays in the server."""

    code = ErrorCode.STAGE_FAILED


class Internal(StageFailed):
    """Anything that nobody foresaw."""

    code = ErrorCode.INTERNAL


ERRORS: dict[ErrorCode, type[InstantIDError]] = {
    error.code: error
    for error in (
        InvalidInput,
        ImageUnreadable,
        ImageTooLarge,
        FaceNotFound,
        SeveralFaces,
        FaceCardInvalid,
        ConsentMissing,
        ConsentInvalid,
        ConsentExpired,
        ConsentRevoked,
        ConsentScope,
        ConsentExhausted,
        ConsentFaceMismatch,
        RefusedPolicy,
        NotPublic,
        OutputUnsafe,
        Cancelled,
        DeadlineExceeded,
        Overloaded,
        Draining,
        ModelNotReady,
        OutOfMemory,
        RateLimited,
        PolicyUnavailable,
        ProvenanceUnavailable,
        StageFailed,
        Internal,
    )
}

_CODED_MESSAGE = re.compile(rf"\[({'|'.join(ErrorCode)})\] (.*)", re.DOTALL)


def from_stage(text: str, status: str, model: str) -> InstantIDError:
    """Return the error of a called stage, from its text and Triton status.

    Our own errors come back as they were raised. Any other text is Triton's and is dropped.
    """
    # Triton prepends words of its own to an ensemble's errors, so our code may not come first.
    match = _CODED_MESSAGE.search(text)
    if match is not None:
        return ERRORS[ErrorCode(match[1])](match[2])
    if status in (TritonStatus.UNAVAILABLE, "NOT_FOUND"):
        hint = RETRY_HINT.format(seconds=STAGE_RETRY_S)
        return ModelNotReady(f"the stage {model} is not ready; {hint}")
    return StageFailed(f"the stage {model} failed")
