"""What stubs put on record at the desk, and what they are told."""

import errno
import json
import logging
import threading
from pathlib import Path

import pytest
from picture_records import NOBODY, REFUSAL, agreed_by, record_of

from instantid_server.caller import MAX_NAME_CHARACTERS
from instantid_server.contract import MAX_NUM_IMAGES_PER_PROMPT
from instantid_server.desk_link import DeskLink
from instantid_server.errors import ConsentExhausted, ModelNotReady, ProvenanceUnavailable
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.picture_record import mark_id_of

LONGEST_NAME = "\N{GRINNING FACE}" * MAX_NAME_CHARACTERS  # twelve characters of JSON each


@pytest.fixture
def link(desk: AdmissionDesk) -> DeskLink:
    return DeskLink.from_environment()


@pytest.fixture
def full_disk(book: RecordBook, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(book, "release", fail)
    monkeypatch.setattr(book, "refuse", fail)


def kinds(tmp_path: Path) -> list[str]:
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    return [json.loads(line)["kind"] for line in lines]


def test_decisions_are_on_record_when_the_desk_has_answered(link: DeskLink, tmp_path: Path) -> None:
    link.record([record_of(), record_of()], NOBODY)
    assert link.refuse(REFUSAL, NOBODY)
    assert kinds(tmp_path) == ["released", "released", "refused"]


def test_as_many_pictures_as_there_can_be_fit_into_one_message(link: DeskLink) -> None:
    picture = record_of(tenant=LONGEST_NAME)
    link.record([picture] * MAX_NUM_IMAGES_PER_PROMPT, agreed_by(LONGEST_NAME))
    assert link.find_records(mark_id_of(picture.record_id)) == [picture] * MAX_NUM_IMAGES_PER_PROMPT


def test_consent_is_asked_for_early_and_kept_to_in_the_end(link: DeskLink) -> None:
    request = agreed_by("anna", max_uses=2)
    link.check_uses(request.consent, 2)
    link.record([record_of()], request)
    with pytest.raises(ConsentExhausted):
        link.check_uses(request.consent, 2)
    with pytest.raises(ConsentExhausted, match="of which 1 are left"):
        link.record([record_of()] * 2, request)


def test_consent_without_a_limit_asks_nobody(tmp_path: Path) -> None:
    DeskLink(tmp_path / "nobody").check_uses(agreed_by("anna").consent, 8)


def test_requests_at_once_do_not_go_beyond_a_consent(link: DeskLink, tmp_path: Path) -> None:
    request = agreed_by("anna", max_uses=3)
    exhausted = []

    def release() -> None:
        try:
            link.record([record_of()], request)
        except ConsentExhausted as error:
            exhausted.append(error)

    threads = [threading.Thread(target=release) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(kinds(tmp_path)), len(exhausted)) == (3, 5)


@pytest.mark.usefixtures("full_disk")
def test_picture_that_cannot_be_put_on_record_is_turned_down(link: DeskLink) -> None:
    with pytest.raises(ProvenanceUnavailable, match="put on record"):
        link.record([record_of()], NOBODY)


@pytest.mark.usefixtures("full_disk")
def test_refusal_that_cannot_be_put_on_record_is_told_and_logged(
    link: DeskLink, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert not link.refuse(REFUSAL, NOBODY)
    assert "a refusal is not on record: PROVENANCE_UNAVAILABLE" in caplog.text


def test_without_a_desk_nothing_is_released_and_a_refusal_stays_one(tmp_path: Path) -> None:
    link = DeskLink(tmp_path / "nobody")
    with pytest.raises(ModelNotReady):
        link.record([record_of()], NOBODY)
    assert not link.refuse(REFUSAL, NOBODY)
