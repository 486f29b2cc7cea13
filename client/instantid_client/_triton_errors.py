"""From an answer of the server, or of the network, to the error that a caller can catch."""

import re

from instantid_client._errors import (
    Cancelled,
    ConnectionFailed,
    ConsentExhausted,
    ConsentExpired,
    ConsentFaceMismatch,
    ConsentInvalid,
    ConsentMissing,
    ConsentRevoked,
    ConsentScope,
    DeadlineExceeded,
    Draining,
    FaceCardInvalid,
    FaceNotFound,
    ImageTooLarge,
    ImageUnreadable,
    InstantIDError,
    Internal,
    InvalidInput,
    ModelNotReady,
    NotPublic,
    OutOfMemory,
    OutputUnsafe,
    Overloaded,
    PolicyUnavailable,
    ProvenanceUnavailable,
    RateLimited,
    RefusedPolicy,
    SeveralFaces,
    StageFailed,
    Unavailable,
    UnexpectedAnswer,
)
from instantid_server.contract import ErrorCode

SERVER_ERRORS: dict[str, type[InstantIDError]] = {
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
    "StatusCode.UNAUTHENTICATED": InvalidInput,  # this and the next: a gateway, of the `api_key`
    "StatusCode.PERMISSION_DENIED": InvalidInput,
    "400": InvalidInput,
    "401": InvalidInput,
    "403": InvalidInput,
    "404": ModelNotReady,
    "408": DeadlineExceeded,
    "413": InvalidInput,
    "429": RateLimited,
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
