"""What a caller can catch, and how an answer of the server or the network becomes one of these.

InstantIDError
├── InvalidInput              a value out of range, of the wrong kind, or missing
│   ├── ImageUnreadable       not a picture, cut off, or of a kind the server does not open
│   ├── ImageTooLarge         more bytes or pixels than the server decodes
│   ├── FaceNotFound          no face where one is needed
│   ├── SeveralFaces          more than one face and no `face_index`
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


SERVER_ERRORS: dict[str, type[InstantIDError]] = {
    error.code: error
    for error in (
        InvalidInput,
        ImageUnreadable,
        ImageTooLarge,
        FaceNotFound,
        SeveralFaces,
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

# What tritonclient puts into `status()`: gRPC's name, or the number of the HTTP answer.
_STATUS_ERRORS: dict[str, type[InstantIDError]] = {
    "StatusCode.INVALID_ARGUMENT": InvalidInput,
    "StatusCode.OUT_OF_RANGE": InvalidInput,
    "StatusCode.RESOURCE_EXHAUSTED": InvalidInput,  # the message is larger than one side takes
    "StatusCode.CANCELLED": Cancelled,
    "StatusCode.DEADLINE_EXCEEDED": DeadlineExceeded,
    "StatusCode.NOT_FOUND": ModelNotReady,  # Triton says so of a model that is being unloaded
    "StatusCode.UNAVAILABLE": Unavailable,
    "StatusCode.UNIMPLEMENTED": UnexpectedAnswer,
    "400": InvalidInput,
    "404": ModelNotReady,
    "408": DeadlineExceeded,
    "413": InvalidInput,
    "502": ConnectionFailed,
    "503": Unavailable,
    "504": DeadlineExceeded,
}
_CODED_MESSAGE = re.compile(rf"\[({'|'.join(ErrorCode)})\] (.*)", re.DOTALL)
_MODEL_AWAY = re.compile(
    r"unknown model|model.{0,80}(not ready|not found|no available)|server is stopping", re.I
)
# All that Triton says to calls in flight when it ends. What the caller cancels is never sent here.
_ENDED_BY_SERVER = "CANCELLED"
_CONNECTION_LOST = re.compile(
    r"failed to connect|connection (refused|reset|closed|aborted)|socket closed|RST_STREAM"
    r"|GOAWAY|name resolution|DNS resolution|broken pipe|cancelling all calls|stream removed"
    r"|endpoint closing",
    re.I,
)
_REQUEST_ID = re.compile(r"\[request id: [^\]]*\] ")  # Triton puts it before many of its texts


def from_triton(text: str | None, status: str | None) -> InstantIDError:
    """Return the error that an answer means, from tritonclient's `message()` and `status()`.

    Our own code is searched first, wherever it stands: ensembles and BLS calls prepend words.
    """
    message = "no reason was given" if text is None else _REQUEST_ID.sub("", text)
    coded = _CODED_MESSAGE.search(message)
    if coded is not None:
        return SERVER_ERRORS[coded[1]](coded[2])
    if message.strip() == _ENDED_BY_SERVER:
        return ConnectionFailed("the server ended the call, as it does when it ends itself")
    if _MODEL_AWAY.search(message):
        return ModelNotReady(message)
    if _CONNECTION_LOST.search(message):
        return ConnectionFailed(message)
    if status is not None and status in _STATUS_ERRORS:
        return _STATUS_ERRORS[status](message)
    return StageFailed(message)
