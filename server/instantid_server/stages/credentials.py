"""Credentials: a picture leaves marked, encoded and signed, or not at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import ConsentLevel, OutputFormat
from instantid_server.errors import InstantIDError, InvalidInput
from instantid_server.images import RGB, decode_image
from instantid_server.node import NodeContext, Outcome, Tensors
from instantid_server.trust.encoding import encode_labelled
from instantid_server.trust.keys import Keys
from instantid_server.trust.manifest import Statement
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.marks.perceptual_hash import perceptual_hash
from instantid_server.trust.marks.watermarker import Watermarker
from instantid_server.trust.policy import Policy
from instantid_server.trust.signing import PictureSigner

_RECORD_ID = re.compile(r"[0-9a-f]{32}")
_MAX_CHECKER_CHARACTERS = 256
_WARM_UP_SIDE_PX = 256  # c2pa and the encoders have no first time for each size


@dataclass(frozen=True)
class SignedFile:
    """What leaves the stage."""

    encoded: bytes
    perceptual_hash: str


@dataclass(frozen=True)
class Delivery:
    """How one picture is to leave, as the request says."""

    record_id: str
    output_format: OutputFormat
    output_quality: int
    checker: str
    consent_level: ConsentLevel


class CredentialsStage:
    """Marks with the mark in use, writes plain words beside the picture, and signs last."""

    from_dlpack = None

    def __init__(
        self, watermarker: Watermarker | None, signer: PictureSigner, policy_digest: str
    ) -> None:
        """Take the mark in use, None: there is none, the signer, and what the records stamp."""
        self._watermarker = watermarker
        self._signer = signer
        self._policy_digest = policy_digest

    @classmethod
    def load(cls, context: NodeContext) -> "CredentialsStage":
        """Read keys and policy; refuses to load unless pictures of every format can be signed."""
        keys, policy = Keys.from_environment(), Policy.from_environment()
        watermarker = make_watermarker(policy.mark, keys)
        # Without time stamps: their authority may be away for a while, and be back in time.
        cls(watermarker, PictureSigner.load(keys), policy.digest).warm_up()
        signer = PictureSigner.load(keys, policy.credentials.timestamp_url)
        return cls(watermarker, signer, policy.digest)

    def warm_up(self) -> None:
        """Sign one picture of each format; raises ProvenanceUnavailable."""
        random = np.random.default_rng(0)
        image = random.integers(0, 256, (_WARM_UP_SIDE_PX, _WARM_UP_SIDE_PX, 3), np.uint8)
        for output_format in OutputFormat:
            self.sign(image, Delivery("0" * 32, output_format, 90, "none", ConsentLevel.NONE))

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Answer with signed pictures; a request that fails leaves the others alone."""
        return [self._run_request(request) for request in requests]

    def sign(self, image: RGB, delivery: Delivery) -> SignedFile:
        """Return one picture as it may leave; raises ProvenanceUnavailable."""
        mark = ""
        if self._watermarker is not None:
            image, mark = self._watermarker.embed(image, delivery.record_id), self._watermarker.name
        encoded = encode_labelled(image, delivery.output_format, delivery.output_quality)
        statement = Statement(
            delivery.record_id,
            datetime.now(UTC),
            delivery.checker,
            self._policy_digest,
            delivery.consent_level,
            mark,
        )
        signed = self._signer.sign(encoded, delivery.output_format, statement)
        if delivery.output_format is not OutputFormat.PNG:  # what encoding lost is lost on record
            image = decode_image(encoded, "image")
        return SignedFile(signed, perceptual_hash(image))

    def _run_request(self, request: Tensors) -> Outcome:
        try:
            deliveries = [_read_delivery(request, row) for row in range(len(request["image"]))]
            pictures = list(map(self.sign, request["image"], deliveries))
        except InstantIDError as error:
            return error
        hashes = [picture.perceptual_hash.encode() for picture in pictures]
        return {
            "encoded_image": _column([picture.encoded for picture in pictures]),
            "perceptual_hash": _column(hashes),
        }


def _read_delivery(request: Tensors, row: int) -> Delivery:
    """Return how a row's picture is to leave; raises InvalidInput."""
    image = request["image"][row]
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidInput(f"image: expected the shape (any, any, 3), got {image.shape}")
    record_id = _text(request, "record_id", row)
    if _RECORD_ID.fullmatch(record_id) is None:
        raise InvalidInput("record_id: expected 32 hexadecimal digits in lower case")
    checker = _text(request, "checker", row)
    if not 0 < len(checker) <= _MAX_CHECKER_CHARACTERS:
        raise InvalidInput(f"checker: expected 1 to {_MAX_CHECKER_CHARACTERS} characters")
    quality = int(request["output_quality"][row, 0])
    if not 1 <= quality <= 100:
        raise InvalidInput(f"output_quality: expected 1 to 100, got {quality}")
    try:
        output_format = OutputFormat(_text(request, "output_format", row))
    except ValueError as error:
        raise InvalidInput(f"output_format: expected one of {', '.join(OutputFormat)}") from error
    try:
        consent_level = ConsentLevel(_text(request, "consent_level", row))
    except ValueError as error:
        raise InvalidInput(f"consent_level: expected one of {', '.join(ConsentLevel)}") from error
    return Delivery(record_id, output_format, quality, checker, consent_level)


def _text(request: Tensors, name: str, row: int) -> str:
    try:
        return str(request[name][row, 0].decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name}: expected UTF-8 text") from error


def _column(values: list[bytes]) -> NDArray[np.object_]:
    column = np.empty((len(values), 1), dtype=np.object_)
    column[:, 0] = values
    return column
