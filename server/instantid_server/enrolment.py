"""Enrolment: a photo is seen once, and its face leaves the server sealed.

The card stands for the photo in later requests, and the template is what an issuer can bind a
consent to. The embedding itself stays inside.
"""

import hashlib
import time

import numpy as np
from numpy.typing import NDArray

from instantid_server.caller import Caller
from instantid_server.contract import ENROLL, FACE_ANALYSIS, MAX_FACES
from instantid_server.demand import Demand
from instantid_server.docket import Docket
from instantid_server.errors import InvalidInput
from instantid_server.identity import Faces, analyse_faces, choose_face
from instantid_server.node import Exchange, NodeContext, Tensors
from instantid_server.permits import Permits
from instantid_server.trust.consent.card import FaceCard
from instantid_server.trust.consent.template import Templates, tenant_label
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import Policy
from instantid_server.turn import take_turn


class Enrolment:
    """The public model's work; it keeps nothing of a photo."""

    def __init__(self, permits: Permits, templates: Templates) -> None:
        self._permits = permits
        self._templates = templates

    @classmethod
    def load(cls, context: NodeContext) -> "Enrolment":
        """Return what enrols by this server's policy, with its keys."""
        policy, keys = Policy.from_environment(), Keys.from_environment()
        repository, version = context.directory.parents[1], context.directory.name
        permits = Permits.load(policy, keys, repository, version)
        return cls(permits, Templates(keys.template))

    def generate(self, inputs: Tensors, exchange: Exchange) -> Tensors:
        """Return the card, the template and the box of the photo's face."""
        photo, face_index, consent_token = _read(inputs)
        caller = exchange.caller
        docket = Docket(self._permits.policy, exchange, prompt="")
        with docket.refusals_on_record():
            docket.consent = self._permits.gate.check(consent_token, photo, caller.tenant)
            # A turn as for a picture without steps: enrolling waits as fairly as drawing, is as
            # easily taken back, and is refused by a server that is full or about to end.
            with take_turn(exchange.desk, _demand(caller), caller, exchange.is_cancelled) as turn:
                exchange.record.admit()
                with exchange.record.timings.stage(FACE_ANALYSIS.name):
                    faces = analyse_faces(photo, "face_image", turn.guard(exchange.call))
                chosen = choose_face(faces, face_index)
                embedding = faces.embeddings[chosen]
                self._permits.check_reference(embedding, docket.consent)
        card = self._card(photo, faces, chosen)
        template = self._templates.make(embedding, tenant_label(caller.tenant))
        return {
            "face_card": _text(self._permits.seal.seal(card, caller.tenant)),
            "face_template": _text(template.to_text()),
            "face_bbox": faces.bboxes[chosen],
        }

    def _card(self, photo: bytes, faces: Faces, chosen: int) -> FaceCard:
        return FaceCard(
            embedding=faces.embeddings[chosen],
            keypoints=faces.keypoints[chosen],
            height=faces.height,
            width=faces.width,
            photo_sha256=hashlib.sha256(photo).hexdigest(),
            recogniser=self._permits.seal.recogniser,
            issued=int(time.time()),
        )


def _read(inputs: Tensors) -> tuple[bytes, int | None, bytes | None]:
    """Return the photo, the face's index and the consent token; raises InvalidInput."""
    for name, array in inputs.items():
        if array.shape != ENROLL.input(name).dims:
            raise InvalidInput(f"{name}: expected the shape (1,), got {array.shape}")
    face_index = int(inputs["face_index"][0]) if "face_index" in inputs else None
    if face_index is not None and not 0 <= face_index < MAX_FACES:
        raise InvalidInput(f"face_index: expected 0 to {MAX_FACES - 1}, got {face_index}")
    consent_token = inputs["consent_token"][0] if "consent_token" in inputs else None
    return inputs["face_image"][0], face_index, consent_token


def _demand(caller: Caller) -> Demand:
    return Demand(
        request_id=caller.request_id,
        tenant=caller.tenant,
        priority_class=caller.priority_class,
        pictures=1,
        steps=0,
        step_work=0,
        seconds_left=caller.seconds_left(),
    )


def _text(value: str) -> NDArray[np.object_]:
    return np.array([value.encode()], dtype=np.object_)
