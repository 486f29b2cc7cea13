"""Permits: who may be drawn and what may be asked for, decided before any work and after it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instantid_server.errors import InvalidInput
from instantid_server.request import GenerationRequest
from instantid_server.trust.consent.card import CardSeal, FaceCard, recogniser_fingerprint
from instantid_server.trust.consent.gate import Consent, ConsentGate
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import Policy
from instantid_server.trust.protected.check import FaceSource, ProtectedCheck
from instantid_server.trust.sieve.sieve import PromptSieve


@dataclass(frozen=True)
class Permits:
    """What decides, as the policy has it; keeps nothing of a request."""

    policy: Policy
    gate: ConsentGate
    seal: CardSeal
    sieve: PromptSieve
    protected: ProtectedCheck

    @classmethod
    def load(cls, policy: Policy, keys: Keys, repository: Path, version: str) -> "Permits":
        """Read keys, lists and words; raises KeysError, RegistryError or WordsError."""
        recogniser = recogniser_fingerprint(repository, version)
        return cls(
            policy=policy,
            gate=ConsentGate.load(policy.consent, keys),
            seal=CardSeal(keys.card, recogniser, policy.consent.max_days),
            sieve=PromptSieve.load(policy.prompts),
            protected=ProtectedCheck.load(policy.protected, keys, recogniser),
        )

    def open_card(self, request: GenerationRequest, tenant: str) -> FaceCard | None:
        """Return what a face card holds, None without one.

        Raises FaceCardInvalid, and InvalidInput for an embedding where the policy takes none.
        """
        if request.face_embedding is not None and not self.policy.consent.raw_embeddings:
            raise InvalidInput(
                "face_embedding: this server takes photos and face cards; "
                "`enroll` makes a card of a photo"
            )
        if request.face_card is None:
            return None
        return self.seal.open(request.face_card, tenant)

    def check_consent(
        self, request: GenerationRequest, card: FaceCard | None, tenant: str
    ) -> Consent:
        """Return who agreed that the person of the photo or the card is drawn.

        Raises a ConsentRefused, or PolicyUnavailable where that cannot be known.
        """
        photo = None if card is None else card.photo_sha256
        return self.gate.check(request.consent_token, request.face_image, tenant, photo)

    def check_prompts(self, request: GenerationRequest) -> None:
        """Raise RefusedPolicy for words that the policy does not allow."""
        self.sieve.check(request.prompt, request.negative_prompt)

    def check_reference(self, embedding: NDArray[np.float32], consent: Consent) -> None:
        """Check (512,), the person to draw: whom the consent is for, and nobody protected.

        Raises ConsentFaceMismatch, RefusedPolicy or PolicyUnavailable.
        """
        self.gate.check_face(consent, embedding)
        self.protected.check(embedding[None], FaceSource.REFERENCE, consent)

    def check_picture(self, embeddings: NDArray[np.float32], consent: Consent) -> None:
        """Check (faces, 512), everybody on a finished picture: a prompt can name somebody.

        Raises RefusedPolicy or PolicyUnavailable.
        """
        self.protected.check(embeddings, FaceSource.PICTURE, consent)
