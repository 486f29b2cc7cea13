"""The extended Golay code: 12 bits in 24, of which any three may flip."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

DATA_BITS = 12
CODE_BITS = 24
_GENERATOR = 0xC75  # x^11 + x^10 + x^6 + x^5 + x^4 + x^2 + 1, of the perfect code of 23 bits

Signs = NDArray[np.float32]  # one number a bit: above 0 says 1, and how surely


def encode(word: int) -> Signs:
    """Return the code of a number below 4096 as 24 signs, -1 and 1."""
    code: Signs = codebook()[word].copy()
    return code


def decode(signs: Signs) -> int:
    """Return the number whose code lies nearest to 24 signs, the sure ones counting more."""
    return int((codebook() @ signs).argmax())


@cache
def codebook() -> Signs:
    """Return the code of every number, (4096, 24)."""
    codes = np.array([_code(word) for word in range(1 << DATA_BITS)])
    bits = codes[:, None] >> np.arange(CODE_BITS) & 1
    return np.where(bits == 1, 1, -1).astype(np.float32)


def _code(word: int) -> int:
    remainder = word << 11
    for bit in reversed(range(DATA_BITS)):
        if remainder >> (bit + 11) & 1:
            remainder ^= _GENERATOR << bit
    code = word << 11 | remainder
    return code << 1 | code.bit_count() & 1
