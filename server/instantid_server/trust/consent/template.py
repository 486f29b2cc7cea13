"""Keyed templates of faces: codes that can be compared, and say nothing without the key.

A code holds the signs of 1024 secret random projections of an embedding. Two faces differ in a
share of the signs that grows with the angle between them, so the cosine can be estimated; under
another key, or another label, the codes of one face have nothing in common. Whoever loses a key
changes it, which a face cannot be.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from instantid_server.contract import EMBEDDING_SIZE
from instantid_server.trust.keys import VersionedKeys

CODE_BYTES = 128
_BITS = 8 * CODE_BYTES
# How far an estimate may lie from the cosine: its standard deviation is largest, 0.049, where two
# faces have nothing in common, and it is normal there (pi * sqrt(1/4 / 1024)).
ESTIMATE_DEVIATION = 0.05

PROTECTED_LABEL = "protected"  # of the registry, the same for every tenant
_TENANT_LABEL = "tenant:"

_VERSION_BYTES = 2
_PURPOSE = b"instantid face template"
_NONCE = bytes(16)  # each label has a cipher key of its own
_CACHED_PROJECTIONS = 16  # of 2 MB each; a tenant who was not there lately costs some milliseconds

Codes = NDArray[np.uint8]
Embedding = NDArray[np.float32]

_COSINES = np.cos(np.pi * np.arange(_BITS + 1) / _BITS).astype(np.float32)  # by differing bits


class TemplateError(ValueError):
    """A text that is no template, or one of a key that is not here."""


@dataclass(frozen=True)
class Template:
    """The code of one face."""

    key_version: int
    code: bytes = field(repr=False)

    def to_text(self) -> str:
        """Return the template as a token can hold it: base64url."""
        packed = self.key_version.to_bytes(_VERSION_BYTES, "big") + self.code
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def from_text(cls, text: str) -> "Template":
        """Return the template of a text; raises TemplateError."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise TemplateError("expected a template in base64url") from error
        if len(packed) != _VERSION_BYTES + CODE_BYTES:
            raise TemplateError(f"expected a template of {_VERSION_BYTES + CODE_BYTES} bytes")
        return cls(int.from_bytes(packed[:_VERSION_BYTES], "big"), packed[_VERSION_BYTES:])


class Templates:
    """Makes and compares templates with this server's keys. Any thread may."""

    def __init__(self, keys: VersionedKeys) -> None:
        self._keys = keys
        self._projection: Callable[[int, str], NDArray[np.float32]] = lru_cache(
            _CACHED_PROJECTIONS
        )(self._draw)

    @property
    def current(self) -> int:
        """The key version that new templates have."""
        return self._keys.current

    def make(self, embedding: Embedding, label: str) -> Template:
        """Return the template of a raw embedding under the key in use."""
        return Template(self.current, self.code(embedding, label, self.current).tobytes())

    def cosine_estimate(self, template: Template, embedding: Embedding, label: str) -> float:
        """Return the cosine of the template's face and an embedding; raises TemplateError."""
        codes = np.frombuffer(template.code, np.uint8)[None]
        return float(self.estimate_many(codes, embedding, label, template.key_version)[0])

    def estimate_many(
        self, codes: Codes, embedding: Embedding, label: str, key_version: int
    ) -> NDArray[np.float32]:
        """Return the cosines (faces,) of codes (faces, 128) and an embedding."""
        own = self.code(embedding, label, key_version)[None]
        if not len(codes):  # OpenCV knows no empty arrays
            return np.empty(0, np.float32)
        # Ten times as fast as a table in numpy, which before version 2 cannot count bits.
        differing, _ = cv2.batchDistance(codes, own, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1)
        cosines: NDArray[np.float32] = _COSINES[differing[:, 0]]
        return cosines

    def code(self, embedding: Embedding, label: str, key_version: int) -> Codes:
        """Return the code (128,) of a raw embedding; raises TemplateError for an unknown key."""
        return np.packbits(self._projection(key_version, label) @ embedding > 0)

    def _draw(self, key_version: int, label: str) -> NDArray[np.float32]:
        """Return the secret projection (1024, 512) of a key and a label."""
        if key_version not in self._keys.by_version:
            raise TemplateError(f"the template is of key {key_version}, which is not here")
        # A label may hold a tenant's name, and JSON lone surrogates.
        info = _PURPOSE + b"\0" + label.encode("utf-8", "surrogatepass")
        secret = self._keys.by_version[key_version]
        key = HKDF(SHA256(), length=32, salt=None, info=info).derive(secret)
        return _normal(key, _BITS * EMBEDDING_SIZE).reshape(_BITS, EMBEDDING_SIZE)


def tenant_label(tenant: str) -> str:
    """Return the label under which the faces of a tenant's consents have their templates."""
    return _TENANT_LABEL + tenant


def _normal(key: bytes, count: int) -> NDArray[np.float32]:
    """Return `count` (even) normal values from ChaCha20's keystream, by Box and Muller's method.

    numpy's own generators may draw otherwise in a later version, and every template would be lost.
    """
    words = np.frombuffer(
        Cipher(ChaCha20(key, _NONCE), mode=None).encryptor().update(bytes(4 * count)), "<u4"
    )
    radius, turn = ((words + 0.5) / 2**32).reshape(2, -1)
    radius = np.sqrt(-2 * np.log(radius))
    angle = 2 * np.pi * turn
    normal: NDArray[np.float32] = np.concatenate(
        [radius * np.cos(angle), radius * np.sin(angle)], dtype=np.float32, casting="same_kind"
    )
    return normal
