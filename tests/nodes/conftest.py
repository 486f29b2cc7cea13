"""A clean fake of Triton for every test."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import triton_python_backend_utils as pb_utils
from senders import WITHOUT_CONSENT

from instantid_server.trust.policy import POLICY_VARIABLE, MarkPolicy, SafetyPolicy


@pytest.fixture(autouse=True)
def clean_triton() -> Iterator[None]:
    pb_utils.MODELS.clear()
    pb_utils.Logger.lines.clear()
    pb_utils.METRICS.clear()
    yield
    pb_utils.MODELS.clear()


@pytest.fixture
def plain_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy without a checker, and without marks, in which two equal pictures would differ."""
    policy = replace(
        WITHOUT_CONSENT,
        safety=SafetyPolicy(checker="none"),
        mark=MarkPolicy(watermarker="none"),
    )
    monkeypatch.setenv(POLICY_VARIABLE, policy.to_json())
