"""The pattern of a key: what each wave of a mark is for, and its phase, which the key decides."""

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from instantid_server.trust.marks.band import all_waves
from instantid_server.trust.marks.payload import CODED_BITS

_SYNC_ROLES = 31  # of 103 waves, these say only where the mark is; each other one is part of a bit
_ROLES = CODED_BITS + _SYNC_ROLES
_TURN = 2 * np.pi

Phasors = NDArray[np.complex64]
Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Shift:
    """How far a mark is moved, in parts of the long side."""

    down: float
    across: float

    def phasors(self, band: slice) -> Phasors:
        """Return what the shift multiplies each wave of the band with."""
        turns = all_waves()[band] @ np.array([self.down, self.across])
        return np.asarray(np.exp((-1j * _TURN * turns).astype(np.complex64)))


class Pattern:
    """One key's waves; a mark has those of its picture's band."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def phasors(self) -> Phasors:
        """Each wave's own turn, (all waves,)."""
        stream = hashlib.shake_256(b"phases" + self._key).digest(2 * len(all_waves()))
        turns = np.frombuffer(stream, "<u2") / 2**16
        return np.asarray(np.exp(1j * _TURN * turns), np.complex64)

    def shift(self, record_id: str) -> Shift:
        """Return the shift of a picture's mark: random to anyone without the key.

        Were it always the same, the average of many marked pictures would be the mark.
        """
        digest = hmac.digest(self._key, b"shift" + bytes.fromhex(record_id), "sha256")
        down, across = np.frombuffer(digest[:16], "<u8") / 2**64
        return Shift(float(down), float(across))


def sync_waves(band: slice) -> NDArray[np.int64]:
    """Return which waves of a band say where the mark is, counted from the band's first."""
    return np.flatnonzero(_roles(band) >= CODED_BITS)


def sums_of_bits(agreement: Numbers, band: slice) -> Numbers:
    """Return for each of 72 bits the sum of what is given for its waves."""
    sums = np.bincount(_roles(band), weights=agreement, minlength=_ROLES)
    return np.asarray(sums[:CODED_BITS], np.float32)


def signs_of_waves(bits: Numbers, band: slice) -> Numbers:
    """Return the sign that 72 bits, -1 and 1, give to each wave of the band."""
    signs: Numbers = np.concatenate([bits, np.ones(_SYNC_ROLES, np.float32)])[_roles(band)]
    return signs


def _roles(band: slice) -> NDArray[np.int64]:
    # In turn, the slowest wave first, so that every bit has its share of any band.
    return _all_roles()[band]


@cache
def _all_roles() -> NDArray[np.int64]:
    return np.arange(len(all_waves())) % _ROLES
