"""Face cards: what the server read from a photo, sealed so that only this server can read it.

An embedding is as good as a likeness to whoever has a server that draws. A card is encrypted and
authenticated with a key of this server, holds for one tenant and for so many days, and is of no use
with another recogniser, whose embeddings mean something else.
"""

import base64
import binascii
import hashlib
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from numpy.typing import NDArray

from instantid_server.contract import EMBEDDING_SIZE, FACE_EMBEDDER, NUM_KEYPOINTS
from instantid_server.errors import FaceCardInvalid
from instantid_server.trust.consent.token import DAY_S
from instantid_server.trust.keys import VersionedKeys

_HEADER = struct.Struct(">BH")  # format, key version; readable, and authenticated
_FORMAT = 1
_NONCE_BYTES = 12
_FACTS = struct.Struct(">Q8s32sII")  # issued, recogniser, digest of the photo, height, width
_NUMBERS = np.dtype("<f4")
_NUM_NUMBERS = EMBEDDING_SIZE + 2 * NUM_KEYPOINTS
_TAG_BYTES = 16
_CARD_BYTES = (
    _HEADER.size + _NONCE_BYTES + _FACTS.size + _NUM_NUMBERS * _NUMBERS.itemsize + _TAG_BYTES
)
_FINGERPRINT_DIGITS = 16
_CLOCK_SKEW_S = 60  # as far as the clocks of replicas may be apart


@dataclass(frozen=True)
class FaceCard:
    """One face of one photo."""

    embedding: NDArray[np.float32] = field(repr=False)  # (512,), raw
    keypoints: NDArray[np.float32] = field(repr=False)  # (5, 2), pixels of the photo
    height: int  # of the photo as a person sees it, in pixels
    width: int
    photo_sha256: str = field(repr=False)  # of the encoded photo, hexadecimal
    recogniser: str  # fingerprint of the network that made the embedding
    issued: int  # seconds since 1970


class CardSeal:
    """Seals and opens the cards of one server; any thread may."""

    def __init__(
        self,
        keys: VersionedKeys,
        recogniser: str,
        max_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.recogniser = recogniser
        self._current = keys.current
        self._ciphers = {version: ChaCha20Poly1305(key) for version, key in keys.by_version.items()}
        self._max_days = max_days
        self._clock = clock

    def seal(self, card: FaceCard, tenant: str) -> str:
        """Return a card as text that opens for `tenant` alone."""
        header = _HEADER.pack(_FORMAT, self._current)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, _pack(card), _bound(header, tenant))
        return base64.urlsafe_b64encode(header + nonce + sealed).rstrip(b"=").decode()

    def open(self, text: bytes, tenant: str) -> FaceCard:
        """Return the card of a text; raises FaceCardInvalid."""
        card = _unpack(self._decrypt(_decode(text), tenant))
        if card.recogniser != self.recogniser:
            raise FaceCardInvalid(
                f"face_card: it is of the recogniser {card.recogniser}, and this server has "
                f"{self.recogniser}; enroll the photo again"
            )
        age_s = self._clock() - card.issued
        if not -_CLOCK_SKEW_S <= age_s <= self._max_days * DAY_S:
            raise FaceCardInvalid(
                f"face_card: expected a card of the last {self._max_days} days; "
                "enroll the photo again"
            )
        return card

    def _decrypt(self, packed: bytes, tenant: str) -> bytes:
        header, sealed = packed[: _HEADER.size], packed[_HEADER.size :]
        kind, version = _HEADER.unpack(header)
        cipher = self._ciphers.get(version)
        if kind != _FORMAT or cipher is None:
            raise _not_ours()
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, body, _bound(header, tenant))
        except InvalidTag:
            raise _not_ours() from None


def recogniser_fingerprint(repository: Path, version: str) -> str:
    """Return the first digits of the SHA-256 of the network that makes a repository's embeddings.

    Raises OSError where it is not there.
    """
    with (repository / FACE_EMBEDDER.name / version / "model.onnx").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_FINGERPRINT_DIGITS]


def _pack(card: FaceCard) -> bytes:
    facts = _FACTS.pack(
        card.issued,
        bytes.fromhex(card.recogniser),
        bytes.fromhex(card.photo_sha256),
        card.height,
        card.width,
    )
    numbers: NDArray[np.float32] = np.concatenate([card.embedding, card.keypoints.ravel()])
    return facts + numbers.astype(_NUMBERS).tobytes()


def _unpack(packed: bytes) -> FaceCard:
    issued, recogniser, photo, height, width = _FACTS.unpack_from(packed)
    numbers = np.frombuffer(packed, _NUMBERS, _NUM_NUMBERS, _FACTS.size).astype(np.float32)
    return FaceCard(
        embedding=numbers[:EMBEDDING_SIZE],
        keypoints=numbers[EMBEDDING_SIZE:].reshape(NUM_KEYPOINTS, 2),
        height=height,
        width=width,
        photo_sha256=photo.hex(),
        recogniser=recogniser.hex(),
        issued=issued,
    )


def _decode(text: bytes) -> bytes:
    try:
        packed = base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise _not_ours() from error
    if len(packed) != _CARD_BYTES:
        raise _not_ours()
    return packed


def _bound(header: bytes, tenant: str) -> bytes:
    """Return what is authenticated beside the card itself; JSON can hold lone surrogates."""
    return header + tenant.encode("utf-8", "surrogatepass")


def _not_ours() -> FaceCardInvalid:
    # One sentence for all: which byte is wrong, or whose card it is, is nobody's business.
    return FaceCardInvalid(
        "face_card: expected a card as this server's enroll gave it to this tenant"
    )
