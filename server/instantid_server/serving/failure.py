"""The failure of a server to start or to go on, and how to mend it."""

from enum import StrEnum


class FailureCode(StrEnum):
    """The word in brackets that the message starts with."""

    PLATFORM = "PLATFORM_UNSUPPORTED"
    PYTHON = "PYTHON_UNSUPPORTED"
    LIBPYTHON = "LIBPYTHON_MISSING"
    TRITON = "TRITON_MISSING"
    NUMPY = "NUMPY_UNSUPPORTED"
    HOST = "HOST_REFUSED"
    PORT = "PORT_UNAVAILABLE"
    SPACE = "SPACE_LOW"
    REPOSITORY = "REPOSITORY_INCOMPLETE"
    PLACEMENT = "PLACEMENT_REFUSED"
    KEYS = "KEYS_MISSING"
    POLICY = "POLICY_REFUSED"
    RECORDS = "RECORDS_UNAVAILABLE"
    MODEL = "MODEL_FAILED"
    STUB = "STUB_MISMATCH"
    START = "START_FAILED"
    ENDED = "TRITON_ENDED"


class ServingFailure(Exception):
    """The server cannot start or go on; the message is for the person who started it."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code
