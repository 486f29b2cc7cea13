"""The docket of one request: what every decision about it says, and its refusals on record."""

import contextlib
from collections.abc import Iterator

from instantid_server.errors import (
    ConsentRefused,
    FaceCardInvalid,
    OutputUnsafe,
    RefusedPolicy,
)
from instantid_server.node import Exchange
from instantid_server.trust.audit.decision import ConsentNote, RefusalRecord, RequestNote
from instantid_server.trust.consent.gate import NO_CONSENT, Consent
from instantid_server.trust.policy import Policy

# What is decided about a person. Overload is only counted, and wrong numbers are nobody's decision.
_ON_RECORD = (ConsentRefused, FaceCardInvalid, RefusedPolicy, OutputUnsafe)


class Docket:
    """Begins with nothing but the request; who agreed is written in once it is known."""

    def __init__(self, policy: Policy, exchange: Exchange, prompt: str) -> None:
        """Open a docket; `prompt` is a keyed code of the prompt, never its text."""
        self._policy = policy
        self._exchange = exchange
        self._prompt = prompt
        self.consent: Consent = NO_CONSENT

    @property
    def note(self) -> RequestNote:
        """What a record says of the request."""
        consent = self.consent
        agreed = ConsentNote(
            consent.level, consent.consent_id, consent.issuer, consent.subject, consent.max_uses
        )
        return RequestNote(self._exchange.caller.request_id, self._prompt, agreed)

    @contextlib.contextmanager
    def refusals_on_record(self) -> Iterator[None]:
        """Put a refusal of the body on record, if the policy says so, and pass it on."""
        try:
            yield
        except _ON_RECORD as error:
            if self._policy.audit.refusals:
                tenant = self._exchange.caller.tenant
                refusal = RefusalRecord.of(error, tenant, self._policy.digest)
                self._exchange.desk.refuse(refusal, self.note)
            raise
