"""Decisions: what a refusal says, and that nothing personal has a place in a line."""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_records import REFUSAL, agreed_by, record_of

from instantid_server.errors import OutputUnsafe, RefusedPolicy
from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.audit.decision import RefusalRecord, RequestNote
from instantid_server.trust.audit.prompt_code import prompt_code
from instantid_server.trust.keys import Keys

HEX_32 = re.compile(r"[0-9a-f]{32}")
HEX_64 = re.compile(r"[0-9a-f]{64}")
OF_BOTH = {"seq", "prev", "kind", "record_id", "time", "tenant", "policy"}
OF_BOTH |= {"request_id", "prompt", "consent"}
OF_CONSENT = {"level", "consent_id", "issuer", "subject", "max_uses"}


def test_refusal_by_policy_has_its_reason_on_record_and_not_in_its_answer() -> None:
    error = RefusedPolicy(reason="protected")
    record = RefusalRecord.of(error, "studio", "digest")
    assert (record.code, record.reason) == ("REFUSED_POLICY", "protected")
    assert "protected" not in str(error)


def test_other_refusals_have_their_code_alone() -> None:
    error = OutputUnsafe("a sentence for the caller")
    first, second = (RefusalRecord.of(error, "studio", "digest") for _ in range(2))
    assert (first.code, first.reason) == ("OUTPUT_UNSAFE", "")
    assert HEX_32.fullmatch(first.record_id)
    assert first.record_id != second.record_id


def test_request_is_the_same_after_a_message() -> None:
    request = agreed_by("anna", max_uses=3)
    assert RequestNote.from_fields(json.loads(json.dumps(request.to_fields()))) == request


@pytest.mark.parametrize("values", [{}, {"consent": {"level": "sure"}}, {"consent": {"token": 1}}])
def test_what_is_no_request_is_refused(values: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        RequestNote.from_fields({"request_id": "", "prompt": "", **values})


def test_case_width_and_spaces_of_a_prompt_make_no_difference() -> None:
    key = bytes(32)
    wide = "\N{FULLWIDTH LATIN SMALL LETTER P}ortrait"
    assert prompt_code(key, "A  Portrait\nin snow ") == prompt_code(key, f"a {wide} in snow")
    assert prompt_code(key, "a portrait") != prompt_code(key, "a portraits")
    assert prompt_code(key, "a portrait") != prompt_code(bytes([1] * 32), "a portrait")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(min_size=4), subject=st.text(min_size=4))
def test_no_line_holds_a_prompt_a_persons_name_or_a_field_for_more(
    tmp_path: Path, keys_folder: Path, prompt: str, subject: str
) -> None:
    keys, path = Keys(keys_folder), tmp_path / "records.jsonl"
    request = RequestNote("r", prompt_code(keys.audit.key, prompt), agreed_by(subject).consent)
    with closing(RecordBook(path, keys, checkpoint_every=1)) as book:
        book.release([record_of()], request)
        book.refuse(REFUSAL, request)
    of_picture, of_refusal = record_of().to_fields(), REFUSAL.to_fields()
    lines = path.read_text().splitlines()[-2:]
    for line, of_record in zip(lines, (of_picture, of_refusal), strict=True):
        fields = json.loads(line)
        assert fields.keys() == OF_BOTH | of_record.keys()
        assert fields["consent"].keys() == OF_CONSENT
        assert HEX_64.fullmatch(fields["prompt"])
        assert HEX_64.fullmatch(fields["consent"]["subject"])
