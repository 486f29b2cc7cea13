"""The noise a picture starts from: decided by a secret key, the tenant and the seed alone.

Whoever holds the key can draw it again and look for it in a picture, so the noise is a mark that
costs nothing. To anybody else it is the unit noise that the networks were trained on.
"""

import hmac
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from torch import Tensor

_INT64_RANGE = 2**64
_UNIFORM_BITS = 52  # one less than a float64 holds, so that halves between the integers fit
_NONCE = bytes(16)  # the cipher's key is another one for every picture


@dataclass(frozen=True)
class NoiseSource:
    """Whose noise pictures start from: under another key or tenant, a seed is another picture."""

    key: bytes = field(repr=False)
    tenant: str = ""

    def draw(self, seed: int, shape: tuple[int, int, int]) -> tuple[Tensor, torch.Generator]:
        """Return a picture's unit noise (channels, height, width), float32, and a generator.

        The generator draws the noise of ancestral schedulers. Both are the CPU's, so that a
        picture does not depend on the device.
        """
        # A seed is always as long, so no two pairs read the same. JSON can hold lone surrogates.
        pair = seed.to_bytes(8, "big", signed=True) + self.tenant.encode("utf-8", "surrogatepass")
        picture_key = hmac.digest(self.key, pair, "sha256")
        noise = _normal(hmac.digest(picture_key, b"initial noise", "sha256"), prod(shape))
        of_steps = hmac.digest(picture_key, b"noise of steps", "sha256")
        generator = torch.Generator(device="cpu").manual_seed(int.from_bytes(of_steps[:8], "big"))
        return noise.reshape(shape), generator


def picture_seed(seed: int, index: int) -> int:
    """Return the seed of picture `index` of a request: seed + index, in two's complement."""
    return (seed + index + _INT64_RANGE // 2) % _INT64_RANGE - _INT64_RANGE // 2


def _normal(key: bytes, count: int) -> Tensor:
    """Return `count` normal values, float32, from ChaCha20's keystream under `key`."""
    encryptor = Cipher(ChaCha20(key, _NONCE), mode=None).encryptor()
    words = np.frombuffer(encryptor.update(bytes(8 * count)), "<u8")
    steps = (words >> np.uint64(64 - _UNIFORM_BITS)).astype(np.float64)
    # The middle of each step: never 0 or 1, where the quantile of the normal is infinite.
    uniform = (steps + 0.5) / 2**_UNIFORM_BITS
    normal: Tensor = torch.special.ndtri(torch.from_numpy(uniform))
    return normal.float()
