"""Errors: what the caller is told, and what never passes on."""

import pytest
from batches import TRITON_TEXT, leaks

from instantid_server.contract import ErrorCode
from instantid_server.errors import (
    ERRORS,
    Cancelled,
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
    from_stage,
)

STATUSES = [
    (InvalidInput, "INVALID_INPUT", "INVALID_ARG"),
    (ImageUnreadable, "IMAGE_UNREADABLE", "INVALID_ARG"),
    (ImageTooLarge, "IMAGE_TOO_LARGE", "INVALID_ARG"),
    (FaceNotFound, "FACE_NOT_FOUND", "INVALID_ARG"),
    (SeveralFaces, "SEVERAL_FACES", "INVALID_ARG"),
    (FaceCardInvalid, "FACE_CARD_INVALID", "INVALID_ARG"),
    (ConsentMissing, "CONSENT_MISSING", "INVALID_ARG"),
    (ConsentInvalid, "CONSENT_INVALID", "INVALID_ARG"),
    (ConsentExpired, "CONSENT_EXPIRED", "INVALID_ARG"),
    (ConsentRevoked, "CONSENT_REVOKED", "INVALID_ARG"),
    (ConsentScope, "CONSENT_SCOPE", "INVALID_ARG"),
    (ConsentExhausted, "CONSENT_EXHAUSTED", "INVALID_ARG"),
    (ConsentFaceMismatch, "CONSENT_FACE_MISMATCH", "INVALID_ARG"),
    (RefusedPolicy, "REFUSED_POLICY", "INVALID_ARG"),
    (NotPublic, "NOT_PUBLIC", "INVALID_ARG"),
    (OutputUnsafe, "OUTPUT_UNSAFE", "INVALID_ARG"),
    (Cancelled, "CANCELLED", "CANCELLED"),
    (DeadlineExceeded, "DEADLINE_EXCEEDED", "UNAVAILABLE"),
    (Overloaded, "OVERLOADED", "UNAVAILABLE"),
    (Draining, "DRAINING", "UNAVAILABLE"),
    (ModelNotReady, "MODEL_NOT_READY", "UNAVAILABLE"),
    (OutOfMemory, "OUT_OF_MEMORY", "UNAVAILABLE"),
    (RateLimited, "RATE_LIMITED", "UNAVAILABLE"),
    (PolicyUnavailable, "POLICY_UNAVAILABLE", "UNAVAILABLE"),
    (ProvenanceUnavailable, "PROVENANCE_UNAVAILABLE", "UNAVAILABLE"),
    (StageFailed, "STAGE_FAILED", "INTERNAL"),
    (Internal, "INTERNAL", "INTERNAL"),
]
each_error = pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)


@pytest.mark.parametrize(("kind", "code", "status"), STATUSES, ids=lambda value: str(value))
def test_class_decides_code_and_status(kind: type[InstantIDError], code: str, status: str) -> None:
    assert (kind.code, kind.status) == (code, status)
    assert str(kind("width: too large")) == f"[{code}] width: too large"


def test_every_code_has_one_class() -> None:
    assert set(ERRORS) == set(ErrorCode)
    assert {kind for kind, _, _ in STATUSES} == set(ERRORS.values())


@each_error
def test_own_error_comes_back_from_a_stage_as_it_was_raised(kind: type[InstantIDError]) -> None:
    error = from_stage(str(kind("face_image: line one\nline two")), kind.status, "face_analysis")
    assert type(error) is kind
    assert error.message == "face_image: line one\nline two"


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param("in ensemble 'denoise_step', ", id="ensemble"),
        pytest.param("in ensemble 'denoise_step', [request id: <id_unknown>] ", id="request-id"),
        pytest.param("[StatusCode.INTERNAL] [ERROR] ", id="other-brackets"),
    ],
)
def test_own_code_is_found_behind_words_of_triton(prefix: str) -> None:
    error = from_stage(f"{prefix}[INVALID_INPUT] latents: wrong", "INTERNAL", "denoise_step")
    assert type(error) is InvalidInput
    assert error.message == "latents: wrong"


@pytest.mark.parametrize(
    ("text", "status", "kind", "message"),
    [
        (TRITON_TEXT, "INTERNAL", StageFailed, "the stage unet failed"),
        (f"[NO_SUCH_CODE] {TRITON_TEXT}", "INVALID_ARG", StageFailed, "the stage unet failed"),
        (
            TRITON_TEXT,
            "UNAVAILABLE",
            ModelNotReady,
            "the stage unet is not ready; try again in 10 s",
        ),
        (
            TRITON_TEXT,
            "NOT_FOUND",
            ModelNotReady,
            "the stage unet is not ready; try again in 10 s",
        ),
    ],
    ids=["internal", "unknown-code", "unavailable", "not-found"],
)
def test_text_of_triton_is_dropped(
    text: str, status: str, kind: type[InstantIDError], message: str
) -> None:
    error = from_stage(text, status, "unet")
    assert (type(error), error.message) == (kind, message)
    assert leaks(str(error)) == []
