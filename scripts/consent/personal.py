"""Personal things: what must be found nowhere once a request has ended, in any of its forms."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WINDOW = 48  # bytes of a photo or a token that do not come again by chance
_DIGITS = 6  # of a number of an embedding as somebody would print it


@dataclass(frozen=True)
class PersonalThings:
    """What a caller entrusts to the server with a request."""

    photo: bytes
    embedding: NDArray[np.float32]  # (512,)
    prompt: str
    subject: str
    consent_token: str

    def forms(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return by name the bytes by which each would be known."""
        middle = len(self.photo) // 2
        photo = self.photo[middle : middle + 3 * _WINDOW]
        # Without its ends, for how base64 begins and ends depends on what stands before.
        photo_text = b64encode(self.photo[middle // 3 * 3 :])[:_WINDOW]
        signature = self.consent_token.rpartition(".")[2]
        return {
            "photo": (photo, photo_text),
            "embedding": tuple(_numbers(self.embedding)),
            "prompt": (self.prompt.encode(),),
            "subject": (self.subject.encode(),),
            "consent token": (signature[:_WINDOW].encode(),),
        }

    def found_in(self, content: bytes) -> list[str]:
        """Return the names of what `content` holds."""
        return [
            name for name, forms in self.forms().items() if any(form in content for form in forms)
        ]


def _numbers(embedding: NDArray[np.float32]) -> Iterator[bytes]:
    """Yield a few neighbours as they lie in memory, and as they are printed, raw or normalised."""
    yield embedding[100:108].tobytes()
    for vector in (embedding, embedding / np.linalg.norm(embedding)):
        yield vector[100:108].astype(np.float32).tobytes()
        for value in vector[100:104]:
            yield f"{value:.{_DIGITS}f}"[:-1].encode()  # the last digit may be rounded elsewhere
