"""Enrolling: who may, what comes out, and that a card draws what its photo would."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from senders import WITHOUT_CONSENT, Sender, decisions
from stages import FakeStages

from instantid_server.caller import Caller
from instantid_server.contract import ENROLL
from instantid_server.demand import Demand
from instantid_server.desk_link import DeskLink
from instantid_server.enrolment import Enrolment
from instantid_server.errors import (
    Cancelled,
    ConsentMissing,
    ConsentScope,
    FaceNotFound,
    InstantIDError,
    InvalidInput,
    Overloaded,
    RefusedPolicy,
    SeveralFaces,
)
from instantid_server.node import Exchange, NodeContext, Tensors
from instantid_server.observe.record import RequestRecord
from instantid_server.observe.tally import Tally
from instantid_server.permits import Permits
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.trust.consent.issuing import attest
from instantid_server.trust.consent.template import Template, Templates, tenant_label
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import Policy
from instantid_server.turn import take_turn

PHOTO = b"a photo"
LEFT, RIGHT = (10, 20, 30, 40), (60, 20, 100, 60)
STUDIO = Caller(tenant="studio")


class ProtectsEverybody:
    """A registry with everybody in it."""

    def check(self, *_: object) -> None:
        raise RefusedPolicy(reason="protected:reference")


@dataclass
class Desk:
    """Where photos are handed in."""

    context: NodeContext
    permits: Permits
    stages: FakeStages = field(default_factory=FakeStages)
    is_away: bool = False

    def enrol(self, consent_token: str | None = None, **inputs: Any) -> Tensors:
        given = {"face_image": np.array([PHOTO], np.object_), **inputs}
        if consent_token is not None:
            given["consent_token"] = np.array([consent_token.encode()], np.object_)
        exchange = Exchange(
            call=self.stages,
            caller=STUDIO,
            desk=DeskLink.from_environment(),
            is_cancelled=lambda: self.is_away,
            report=None,
            record=RequestRecord(ENROLL.name, STUDIO, Tally()),
        )
        templates = Templates(Keys.from_environment().template)
        return Enrolment(self.permits, templates).generate(given, exchange)


def desk_of(context: NodeContext, policy: Policy) -> Desk:
    repository, version = context.directory.parents[1], context.directory.name
    return Desk(context, Permits.load(policy, Keys.from_environment(), repository, version))


@pytest.fixture
def strict(node_context: Callable[[str], NodeContext], desk: AdmissionDesk) -> Desk:
    """Where consent is needed, as it is by default."""
    return desk_of(node_context("enroll"), Policy())


@pytest.fixture
def free(node_context: Callable[[str], NodeContext], desk: AdmissionDesk) -> Desk:
    """Where nobody's consent is needed."""
    return desk_of(node_context("enroll"), WITHOUT_CONSENT)


def attested(keys_folder: Path, photo: bytes = PHOTO) -> str:
    return attest(photo, keys_folder, STUDIO.tenant, datetime.now(UTC))


def test_card_holds_the_face_and_nothing_leaves_unsealed(strict: Desk, keys_folder: Path) -> None:
    answer = strict.enrol(attested(keys_folder))
    assert set(answer) == {spec.name for spec in ENROLL.outputs}
    card = strict.permits.seal.open(answer["face_card"][0], STUDIO.tenant)
    np.testing.assert_array_equal(card.embedding, np.ones(512))
    assert card.photo_sha256 == hashlib.sha256(PHOTO).hexdigest()
    assert (card.height, card.width) == (100, 200)
    assert answer["face_bbox"].tolist() == [40, 30, 90, 80]


def test_template_is_of_this_face_and_this_tenant(free: Desk) -> None:
    template = Template.from_text(free.enrol()["face_template"][0].decode())
    templates, face = Templates(Keys.from_environment().template), np.ones(512, np.float32)
    assert templates.cosine_estimate(template, face, tenant_label(STUDIO.tenant)) == 1
    assert templates.cosine_estimate(template, face, tenant_label("")) < 0.5


def test_card_draws_what_its_photo_would(
    free: Desk, node_context: Callable[[str], NodeContext]
) -> None:
    sender = Sender(node_context("instantid"), WITHOUT_CONSENT)
    sender.tenant = STUDIO.tenant
    card = free.enrol()["face_card"][0]
    of_photo = sender.generate(face_image=PHOTO)
    of_card = sender.generate(face_image=None, face_card=card)
    np.testing.assert_array_equal(of_card["face_keypoints"], of_photo["face_keypoints"])
    first, second = sender.stages.inputs_of("denoise_step")[::2]
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize(
    ("photo", "error"),
    [(None, ConsentMissing), (b"another photo", ConsentScope)],
    ids=["none", "of-another-photo"],
)
def test_without_consent_the_photo_is_not_looked_at(
    strict: Desk,
    keys_folder: Path,
    tmp_path: Path,
    photo: bytes | None,
    error: type[InstantIDError],
) -> None:
    with pytest.raises(error):
        strict.enrol(None if photo is None else attested(keys_folder, photo))
    assert strict.stages.calls == []
    (decision,) = decisions(tmp_path / "records.jsonl")
    assert (decision["kind"], decision["code"]) == ("refused", error.code)


def test_protected_person_is_refused_and_put_on_record(free: Desk, tmp_path: Path) -> None:
    free.permits = replace(free.permits, protected=ProtectsEverybody())
    with pytest.raises(RefusedPolicy):
        free.enrol()
    (decision,) = decisions(tmp_path / "records.jsonl")
    assert (decision["code"], decision["reason"]) == ("REFUSED_POLICY", "protected:reference")


def test_several_faces_need_an_index_that_chooses(free: Desk) -> None:
    free.stages = FakeStages([LEFT, RIGHT])
    with pytest.raises(SeveralFaces, match="found 2"):
        free.enrol()
    answer = free.enrol(face_index=np.array([1], np.int32))
    assert answer["face_bbox"].tolist() == list(RIGHT)
    card = free.permits.seal.open(answer["face_card"][0], STUDIO.tenant)
    np.testing.assert_array_equal(card.embedding, np.full(512, 2))


def test_photo_without_a_face_is_refused(free: Desk) -> None:
    free.stages = FakeStages([])
    with pytest.raises(FaceNotFound, match="face_image: expected a face, found none"):
        free.enrol()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"face_index": np.array([16], np.int32)}, "face_index: expected 0 to 15, got 16"),
        ({"face_index": np.array([-1], np.int32)}, "face_index: expected 0 to 15, got -1"),
        ({"face_image": np.array([PHOTO] * 2, np.object_)}, r"face_image: expected the shape"),
    ],
    ids=["high", "low", "two-photos"],
)
def test_wrong_inputs_are_named(free: Desk, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        free.enrol(**inputs)


def test_caller_that_went_away_costs_nothing(free: Desk) -> None:
    free.is_away = True
    with pytest.raises(Cancelled):
        free.enrol()
    assert free.stages.calls == []


class TestOnAFullServer:
    @pytest.fixture
    def admission_limits(self) -> AdmissionLimits:
        return AdmissionLimits(max_running_pictures=1, max_waiting=0)

    def test_enrolling_is_refused_as_drawing_is(self, free: Desk) -> None:
        picture = Demand("", "", STUDIO.priority_class, 1, 30, 1, None)
        with (
            take_turn(DeskLink.from_environment(), picture, STUDIO, lambda: False),
            pytest.raises(Overloaded),
        ):
            free.enrol()
