"""What a caller can catch.

InstantIDError
├── InvalidInput              a value out of range, of the wrong kind, or missing
│   ├── ImageUnreadable       not a picture, cut off, or of a kind the server does not open
│   ├── ImageTooLarge         more bytes or pixels than the server decodes
│   ├── FaceNotFound          no face where one is needed
│   ├── SeveralFaces          more than one face and no `face_index`
│   ├── FaceCardInvalid       not a card that this server sealed
│   ├── ConsentRefused        the consent of the person on the photo does not allow it
│   │   ├── ConsentMissing      no consent token came, and the server asks for one
│   │   ├── ConsentInvalid      not a token of somebody whom the server believes
│   │   ├── ConsentExpired      the time of the consent is over, or has not begun
│   │   ├── ConsentRevoked      the person took it back
│   │   ├── ConsentScope        for another purpose, tenant or photo
│   │   ├── ConsentExhausted    used for as many pictures as it allows
│   │   └── ConsentFaceMismatch the face is not the one it is bound to
│   ├── RefusedPolicy         what the operator does not allow, without a reason
│   ├── NotPublic             a model that is the server's own
│   ├── OutputUnsafe          the server's safety checker flagged the picture
│   └── UnsupportedInput      an input of Replicate's model that this one does not have
├── Cancelled                 the request was given up before it was done
├── Unavailable               the same request may well succeed later, see `retry_after_s`
│   ├── Overloaded            as many pictures run and wait as may
│   ├── Draining              the server is about to end
│   ├── ModelNotReady         the model, or a stage of it, is loading or gone
│   ├── OutOfMemory           a stage ran out of memory
│   ├── RateLimited           more questions a minute than the server answers
│   ├── PolicyUnavailable     what the server's policy demands is not there
│   ├── ProvenanceUnavailable a picture could not be marked, signed or recorded
│   └── ConnectionFailed      no server there, or it went away in mid-request
├── DeadlineExceeded          `timeout_s` passed, or is too short for the server to meet
├── StageFailed               a stage broke; the reason stays in the server's log
│   └── Internal              anything that nobody foresaw
├── UnexpectedAnswer          the other side is no InstantID server, or not of this version
└── StreamingNeedsGrpc        progress and previews were asked for over HTTP

Every class has a `code`, which is the word in brackets of the server's messages where there is one.
"""

import re

from instantid_server.contract import RETRY_HINT, ErrorCode

_RETRY_HINT = re.compile(re.escape(RETRY_HINT).replace(re.escape("{seconds}"), r"(\d+)") + "$")


class InstantIDError(Exception):
    """Base of every error that the client raises on purpose."""

    code: str  # one of ErrorCode, or of the client's own

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return `[CODE] message`, as the server writes it."""
        return f"[{self.code}] {self.message}"


class InvalidInput(InstantIDError):
    """A value out of range, of the wrong kind, or missing."""

    code: str = ErrorCode.INVALID_INPUT


class ImageUnreadable(InvalidInput):
    """Not a picture, cut off, or of a kind the server does not open."""

    code = ErrorCode.IMAGE_UNREADABLE


class ImageTooLarge(InvalidInput):
    """More bytes or pixels than the server decodes."""

    code = ErrorCode.IMAGE_TOO_LARGE


class FaceNotFound(InvalidInput):
    """No face where one is needed."""

    code = ErrorCode.FACE_NOT_FOUND


class SeveralFaces(InvalidInput):
    """More than one face and no `face_index`."""

    code = ErrorCode.SEVERAL_FACES


class FaceCardInvalid(InvalidInput):
    """Not a card that this server sealed, or one of another recogniser."""

    code = ErrorCode.FACE_CARD_INVALID


class ConsentRefused(InvalidInput):
    """The consent of the person on the photo does not allow the picture."""


class ConsentMissing(ConsentRefused):
    """No consent token came, and the server asks for one."""

    code = ErrorCode.CONSENT_MISSING


class ConsentInvalid(ConsentRefused):
    """Not a token of somebody whom the server believes."""

    code = ErrorCode.CONSENT_INVALID


class ConsentExpired(ConsentRefused):
    """The time of the consent is over, or has not begun."""

    code = ErrorCode.CONSENT_EXPIRED


class ConsentRevoked(ConsentRefused):
    """The person took the consent back."""

    code = ErrorCode.CONSENT_REVOKED


class ConsentScope(ConsentRefused):
    """The consent is for another purpose, tenant or photo."""

    code = ErrorCode.CONSENT_SCOPE


class ConsentExhausted(ConsentRefused):
    """The consent was used for as many pictures as it allows."""

    code = ErrorCode.CONSENT_EXHAUSTED


class ConsentFaceMismatch(ConsentRefused):
    """The face is not the one that the consent is bound to."""

    code = ErrorCode.CONSENT_FACE_MISMATCH


class RefusedPolicy(InvalidInput):
    """What the operator does not allow; why is not told, or it could be probed."""

    code = ErrorCode.REFUSED_POLICY


class NotPublic(InvalidInput):
    """A model that is the server's own, and answers nobody else."""

    code = ErrorCode.NOT_PUBLIC


class OutputUnsafe(InvalidInput):
    """The server's safety checker flagged the picture."""

    code = ErrorCode.OUTPUT_UNSAFE


class UnsupportedInput(InvalidInput):
    """An input of Replicate's model that this one does not have."""

    code = "UNSUPPORTED_INPUT"


class Cancelled(InstantIDError):
    """The request was given up before it was done."""

    code = ErrorCode.CANCELLED


class Unavailable(InstantIDError):
    """The same request may well succeed later."""

    code = "UNAVAILABLE"

    @property
    def retry_after_s(self) -> float | None:
        """After how many seconds the server expects to have room; None: it did not say."""
        hint = _RETRY_HINT.search(self.message)
        return None if hint is None else float(hint[1])


class Overloaded(Unavailable):
    """As many pictures run and wait as may."""

    code = ErrorCode.OVERLOADED


class Draining(Unavailable):
    """The server is about to end."""

    code = ErrorCode.DRAINING


class ModelNotReady(Unavailable):
    """The model, or a stage of it, is loading or gone."""

    code = ErrorCode.MODEL_NOT_READY


class OutOfMemory(Unavailable):
    """A stage ran out of memory."""

    code = ErrorCode.OUT_OF_MEMORY


class RateLimited(Unavailable):
    """More questions a minute than the server answers."""

    code = ErrorCode.RATE_LIMITED


class PolicyUnavailable(Unavailable):
    """What the server's policy demands is not there."""

    code = ErrorCode.POLICY_UNAVAILABLE


class ProvenanceUnavailable(Unavailable):
    """A picture could not be marked, signed or recorded."""

    code = ErrorCode.PROVENANCE_UNAVAILABLE


class ConnectionFailed(Unavailable):
    """No server there, or it went away in mid-request."""

    code = "CONNECTION_FAILED"


class DeadlineExceeded(InstantIDError):
    """`timeout_s` passed, or is too short for the server to meet."""

    code = ErrorCode.DEADLINE_EXCEEDED


class StageFailed(InstantIDError):
    """A stage broke; the reason stays in the server's log."""

    code = ErrorCode.STAGE_FAILED


class Internal(StageFailed):
    """Anything that nobody foresaw."""

    code = ErrorCode.INTERNAL


class UnexpectedAnswer(InstantIDError):
    """The other side is no InstantID server, or not of this version."""

    code = "UNEXPECTED_ANSWER"


class StreamingNeedsGrpc(InstantIDError):
    """Progress and previews were asked for over HTTP."""

    code = "STREAMING_NEEDS_GRPC"
