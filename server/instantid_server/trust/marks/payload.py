"""The payload of a mark: the 32 bits that say which picture, and 4 that say which key."""

from dataclasses import dataclass

import numpy as np

from instantid_server.trust.marks import golay
from instantid_server.trust.marks.golay import Signs

_WORDS = 3
CODED_BITS = _WORDS * golay.CODE_BITS
_VERSION_BITS = 4
VERSIONS = 1 << _VERSION_BITS  # older keys than these share a number with newer ones


@dataclass(frozen=True)
class Payload:
    """What a mark says."""

    mark_id: int  # 32 bits
    key_version: int  # modulo VERSIONS

    def encode(self) -> Signs:
        """Return 72 signs, -1 and 1."""
        number = self.mark_id << _VERSION_BITS | self.key_version
        words = (number >> golay.DATA_BITS * index for index in range(_WORDS))
        return np.concatenate([golay.encode(word % (1 << golay.DATA_BITS)) for word in words])

    @classmethod
    def decode(cls, signs: Signs) -> "Payload":
        """Return the payload nearest to 72 signs, the sure ones counting more."""
        words = signs.reshape(_WORDS, golay.CODE_BITS)
        number = sum(
            golay.decode(word) << golay.DATA_BITS * index for index, word in enumerate(words)
        )
        return cls(number >> _VERSION_BITS, number % VERSIONS)
