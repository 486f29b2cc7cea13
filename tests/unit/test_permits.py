"""Who may be drawn and what may be asked for: refused before any work, and put on record."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from public_requests import picture_request
from senders import WITHOUT_CONSENT, Sender, decisions

from instantid_server.errors import ConsentMissing, ConsentScope, InvalidInput, RefusedPolicy
from instantid_server.node import NodeContext
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.trust.consent.issuing import attest
from instantid_server.trust.policy import AuditPolicy, Policy

PROMPT = "a portrait in the snow"


@pytest.fixture
def sender(node_context: Callable[[str], NodeContext], desk: AdmissionDesk) -> Sender:
    return Sender(node_context("instantid"), Policy())


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


@pytest.fixture
def attested(keys_folder: Path) -> Callable[..., str]:
    """Return a function that makes a token for the photo which is sent."""

    def make(tenant: str | None = None) -> str:
        photo: bytes = picture_request()["face_image"][0]
        return attest(photo, keys_folder, tenant, datetime.now(UTC))

    return make


def test_picture_with_consent_is_released_with_its_level_on_record(
    sender: Sender, records: Path, attested: Callable[..., str]
) -> None:
    sender.generate(consent_token=attested())
    (decision,) = decisions(records)
    assert decision["kind"] == "released"
    assert decision["consent"]["level"] == "self_attested"
    (sent,) = sender.stages.inputs_of("credentials")
    assert sent["consent_level"].tolist() == [[b"self_attested"]]


def test_without_consent_no_stage_is_called_and_the_refusal_is_on_record(
    sender: Sender, records: Path
) -> None:
    with pytest.raises(ConsentMissing):
        sender.generate()
    assert sender.stages.calls == []
    (decision,) = decisions(records)
    assert (decision["kind"], decision["code"]) == ("refused", "CONSENT_MISSING")
    assert decision["request_id"] == "a-request"


def test_policy_can_keep_refusals_off_the_record(sender: Sender, records: Path) -> None:
    sender.policy = Policy(audit=AuditPolicy(refusals=False))
    with pytest.raises(ConsentMissing):
        sender.generate()
    assert decisions(records) == []


def test_token_of_another_tenant_is_refused(sender: Sender, attested: Callable[..., str]) -> None:
    token = attested(tenant="alice")
    sender.tenant = "alice"
    sender.generate(consent_token=token)
    sender.tenant = "mallory"
    with pytest.raises(ConsentScope):
        sender.generate(consent_token=token)


def test_prompt_is_sieved_before_any_work(
    sender: Sender, records: Path, attested: Callable[..., str]
) -> None:
    with pytest.raises(RefusedPolicy):
        sender.generate(prompt="a photo of her, undressed", consent_token=attested())
    assert sender.stages.calls == []
    (decision,) = decisions(records)
    assert decision["reason"].startswith("prompt:")


def test_record_tells_neither_prompt_nor_token(
    sender: Sender, records: Path, attested: Callable[..., str]
) -> None:
    token = attested()
    sender.generate(prompt=PROMPT, consent_token=token)
    line = records.read_text()
    assert PROMPT not in line
    assert token.rpartition(".")[2] not in line


def test_raw_embedding_needs_the_policys_word(sender: Sender) -> None:
    embedding = {"face_image": None, "face_embedding": np.ones(512, np.float32)}
    with pytest.raises(InvalidInput, match="face cards"):
        sender.generate(**embedding)
    sender.policy = WITHOUT_CONSENT
    assert len(sender.generate(**embedding)["image"]) == 1
