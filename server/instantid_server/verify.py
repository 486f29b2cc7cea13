"""Verify: tells whoever asks whether a picture is this server's, and whether it was changed."""

import json

import numpy as np
from numpy.typing import NDArray

from instantid_server.caller import Caller
from instantid_server.contract import CredentialsState, MarkState, RecordState
from instantid_server.desk_link import DeskLink
from instantid_server.errors import InvalidInput
from instantid_server.node import Tensors
from instantid_server.trust.keys import Keys
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.policy import Policy
from instantid_server.trust.rate_limit import RateLimit
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.verification import Verdict, Verifier

_OF_CREDENTIALS = {
    CredentialsState.TRUSTED: "Signed by this server, and not changed since.",
    CredentialsState.UNTRUSTED: "Signed, but not by this server: its word counts for nothing here.",
    CredentialsState.INVALID: "Signed once, but the picture or its credentials were changed since, "
    "or its certificate had ended.",
    CredentialsState.NONE: "No credentials; they are lost when a picture is saved again.",
}
_OF_MARK = {
    MarkState.OURS: "The pixels hold this server's mark; it can be copied, so it proves nothing.",
    MarkState.INCONCLUSIVE: "The pixels may hold this server's mark, but cannot be read for sure.",
    MarkState.NONE: "No mark was found in the pixels, which does not prove that there was none.",
}
_OF_RECORD = {
    RecordState.MATCH: "The picture on record under this id looks the same.",
    RecordState.MISMATCH: "The picture on record under this id is another one: "
    "credentials or mark were copied, or the picture was changed beyond recognition.",
    RecordState.UNKNOWN: "Nothing is on record that this picture could be compared with.",
}


class Verification:
    """The public model's answer; keeps nothing of a picture."""

    def __init__(self, verifier: Verifier, rate_limit: RateLimit) -> None:
        self._verifier = verifier
        self._rate_limit = rate_limit

    @classmethod
    def load(cls, desk: DeskLink) -> "Verification":
        """Return what verifies with this server's keys, by this server's records."""
        policy, keys = Policy.from_environment(), Keys.from_environment()
        verifier = Verifier(
            CredentialsReader(keys.anchors),
            make_watermarker(policy.mark, keys),
            desk.find_records,
        )
        return cls(verifier, RateLimit(policy.verify.per_minute))

    def answer(self, inputs: Tensors, caller: Caller) -> Tensors:
        """Return the verdict on the picture in `inputs`; raises RateLimited, or what is wrong."""
        self._rate_limit.take(caller.tenant)
        image = inputs["image"]
        if image.shape != (1,):
            raise InvalidInput(f"image: expected the shape (1,), got {image.shape}")
        verdict = self._verifier.verify(image[0])
        return {
            "credentials": _text(verdict.credentials),
            "mark": _text(verdict.mark),
            "record": _text(verdict.record),
            "summary": _text(_summary(verdict)),
        }


def _summary(verdict: Verdict) -> str:
    sentences = [
        _OF_CREDENTIALS[verdict.credentials],
        _OF_MARK[verdict.mark],
        _OF_RECORD[verdict.record],
    ]
    return json.dumps(
        {
            "credentials": verdict.credentials,
            "mark": verdict.mark,
            "record": verdict.record,
            "record_id": verdict.record_id,
            "sentences": sentences,
        }
    )


def _text(value: str) -> NDArray[np.object_]:
    return np.array([value.encode()], dtype=np.object_)
