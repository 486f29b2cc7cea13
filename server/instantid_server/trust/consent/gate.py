"""The gate: every request passes it, and only with the consent of the person on its photo."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import ConsentLevel
from instantid_server.errors import (
    ConsentFaceMismatch,
    ConsentInvalid,
    ConsentMissing,
    ConsentScope,
)
from instantid_server.trust.consent.demo import demo_issuer
from instantid_server.trust.consent.forward_clock import ForwardClock
from instantid_server.trust.consent.issuers import key_id_of
from instantid_server.trust.consent.revocations import Revocations
from instantid_server.trust.consent.template import (
    Template,
    TemplateError,
    Templates,
    tenant_label,
)
from instantid_server.trust.consent.token import ConsentToken, TokenRules, read_token
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import ConsentPolicy

_HOUR_S = 3600


@dataclass(frozen=True)
class Consent:
    """By whose word a face is drawn."""

    level: ConsentLevel
    consent_id: str = ""  # empty: no token came, and the policy asks for none
    issuer: str = ""
    subject: str = field(default="", repr=False)
    max_uses: int | None = None  # pictures; None: any number
    # One has to be of the face; empty: the photo itself is listed.
    templates: tuple[str, ...] = field(default=(), repr=False)
    tenant: str = ""


NO_CONSENT = Consent(ConsentLevel.NONE)


class ConsentGate:
    """Checks tokens by the policy; any thread may ask."""

    def __init__(
        self,
        policy: ConsentPolicy,
        rules: TokenRules,
        templates: Templates,
        clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._rules = rules
        self._templates = templates
        self._clock = ForwardClock(clock)
        max_age_s = policy.revocations_max_age_hours * _HOUR_S
        self._revocations = (
            Revocations(Path(policy.revocations), rules.issuers, max_age_s)
            if policy.revocations
            else None
        )

    @classmethod
    def load(
        cls, policy: ConsentPolicy, keys: Keys, clock: Callable[[], float] = time.time
    ) -> "ConsentGate":
        """Return the gate of a server; raises KeysError for an issuer's page that is none."""
        issuers = dict(keys.issuers)
        if policy.demo:
            demo = demo_issuer()
            issuers[key_id_of(demo.key)] = demo
        rules = TokenRules(issuers, policy.audience, policy.max_days)
        return cls(policy, rules, Templates(keys.template), clock)

    def check(
        self,
        consent_token: bytes | None,
        photo: bytes | None,
        tenant: str,
        photo_sha256: str | None = None,
    ) -> Consent:
        """Return what a request may use a face by, or raise why it may not.

        `photo` is the file as it came; a face card has its digest instead, a raw embedding neither.
        A token that comes is checked even where the policy asks for none.
        """
        if consent_token is None:
            return self._without_token()
        token = self.read(consent_token)
        if token.tenant is not None and token.tenant != tenant:
            raise ConsentScope("consent_token: expected one of this tenant, got another's")
        digest = photo_sha256 if photo is None else hashlib.sha256(photo).hexdigest()
        return Consent(
            token.issuer.level,
            token.consent_id,
            token.issuer.name,
            token.subject,
            token.max_uses,
            () if digest in token.photo_digests else self._templates_of(token),
            tenant,
        )

    def check_face(self, consent: Consent, embedding: NDArray[np.float32]) -> None:
        """Compare a raw embedding with the consent's templates, if it has to have one of them.

        Raises ConsentFaceMismatch.
        """
        if not consent.templates:
            return
        likeness = max(self._likeness(text, embedding, consent) for text in consent.templates)
        if likeness < self._policy.match:
            raise ConsentFaceMismatch(
                "face_image: expected the face that the consent is bound to, found another"
            )

    def read(self, consent_token: bytes) -> ConsentToken:
        """Return a token that this server accepts, whoever uses it and with whatever photo."""
        now_s = self._clock.now_s()
        token = read_token(consent_token, self._rules, now_s)
        if token.issuer.level is ConsentLevel.SELF_ATTESTED and not self._policy.self_attested:
            raise ConsentInvalid(
                f"consent_token: expected one that an issuer verified, got {token.issuer.level}"
            )
        if self._policy.scope not in token.scopes:
            raise ConsentScope(
                f"consent_token: expected the scope {self._policy.scope}, got others"
            )
        if self._revocations is not None:
            self._revocations.check(token, now_s)
        return token

    def _without_token(self) -> Consent:
        if not self._policy.required:
            return NO_CONSENT
        attested = "; instantid generate --i-have-consent attests it"
        raise ConsentMissing(
            "consent_token: expected the consent of the person on the photo, got none"
            + (attested if self._policy.self_attested else "")
        )

    def _templates_of(self, token: ConsentToken) -> tuple[str, ...]:
        """Return the templates to compare with a face whose photo is not listed."""
        if token.templates and self._policy.templates:
            return token.templates
        raise ConsentScope(
            "face_image: expected a photo that the consent lists by its SHA-256, got another"
        )

    def _likeness(self, text: str, embedding: NDArray[np.float32], consent: Consent) -> float:
        label = tenant_label(consent.tenant)
        try:
            template = Template.from_text(text)
            return self._templates.cosine_estimate(template, embedding, label)
        except TemplateError:  # no template, or of a key that is gone: like nobody
            return -1.0
