"""The release: a finished picture is judged, marked, signed and recorded before anybody gets it.

Whatever fails on the way, the request fails with it, and nothing of it leaves the server.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import CREDENTIALS, SAFETY
from instantid_server.docket import Docket
from instantid_server.errors import OutputUnsafe
from instantid_server.node import Exchange
from instantid_server.request import GenerationRequest
from instantid_server.trust.audit.decision import new_record_id, timestamp
from instantid_server.trust.picture_record import PictureRecord
from instantid_server.trust.policy import Policy

_NO_CHECKER = "none"


@dataclass(frozen=True)
class Origin:
    """What a picture's noise was drawn from."""

    seed: int  # the picture's own
    noise_key_version: int
    latents_shape: tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True)
class SignedPicture:
    """A picture as it will be delivered; nobody may have it before it is on record."""

    encoded: bytes
    record_id: str
    perceptual_hash: str
    checker: str


class Release:
    """The way out of one request."""

    def __init__(
        self, policy: Policy, exchange: Exchange, request: GenerationRequest, docket: Docket
    ) -> None:
        self._policy = policy
        self._exchange = exchange
        self._request = request
        self._docket = docket
        self._timings = exchange.record.timings

    def sign(self, image: NDArray[np.uint8]) -> SignedPicture:
        """Judge, mark, encode and sign (height, width, 3); raises OutputUnsafe or a stage's."""
        rows: dict[str, NDArray[Any]] = {"image": image[None]}
        checker = _NO_CHECKER
        if self._policy.safety.checker != _NO_CHECKER:
            with self._timings.stage(SAFETY.name):
                checker = self._judge(rows)
        record_id = new_record_id()
        rows |= {
            "record_id": _text(record_id),
            "output_format": _text(self._request.output_format),
            "output_quality": np.array([[self._request.output_quality]], np.int32),
            "checker": _text(checker),
            "consent_level": _text(self._docket.consent.level),
        }
        with self._timings.stage(CREDENTIALS.name):
            signed = self._exchange.call(
                CREDENTIALS.name, rows, ["encoded_image", "perceptual_hash"]
            )
        encoded: bytes = signed["encoded_image"][0, 0]
        return SignedPicture(encoded, record_id, signed["perceptual_hash"][0, 0].decode(), checker)

    def record(self, pictures: Sequence[SignedPicture], origins: Sequence[Origin]) -> None:
        """Put all pictures of the request on record; raises as `DeskLink.record` does."""
        tenant = self._exchange.caller.tenant
        records = [
            self._record_of(picture, origin, tenant)
            for picture, origin in zip(pictures, origins, strict=True)
        ]
        with self._timings.stage("record"):
            self._exchange.desk.record(records, self._docket.note)

    def _judge(self, rows: dict[str, NDArray[Any]]) -> str:
        """Return who judged the picture."""
        verdict = self._exchange.call(SAFETY.name, rows, ["flagged", "checker"])
        if verdict["flagged"][0, 0]:
            raise OutputUnsafe(
                "the picture was flagged as unsafe and is not released; change the prompt"
            )
        checker: str = verdict["checker"][0, 0].decode()
        return checker

    def _record_of(self, picture: SignedPicture, origin: Origin, tenant: str) -> PictureRecord:
        channels, height, width = origin.latents_shape
        return PictureRecord(
            record_id=picture.record_id,
            time=timestamp(),
            tenant=tenant,
            seed=origin.seed,
            noise_key_version=origin.noise_key_version,
            latent_channels=channels,
            latent_height=height,
            latent_width=width,
            num_inference_steps=self._request.num_inference_steps,
            width=self._request.width,
            height=self._request.height,
            output_format=self._request.output_format,
            sha256=hashlib.sha256(picture.encoded).hexdigest(),
            perceptual_hash=picture.perceptual_hash,
            checker=picture.checker,
            policy=self._policy.digest,
        )


def _text(value: str) -> NDArray[np.object_]:
    return np.array([[value.encode()]], dtype=np.object_)
