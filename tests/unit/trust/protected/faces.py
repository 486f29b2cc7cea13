"""Whom the tests protect: raw embeddings of nobody, at chosen distances."""

import numpy as np
from numpy.typing import NDArray

from instantid_server.trust.protected.registry import Reason
from instantid_server.trust.protected.registry_editor import Protection

RECOGNISER = "0123456789abcdef"
BY_REQUEST = Protection(Reason.OWN_REQUEST)

Embedding = NDArray[np.float32]


def face(number: int) -> Embedding:
    """Return somebody's raw embedding."""
    return np.random.default_rng(number).standard_normal(512, np.float32)


def like(person: Embedding, cosine: float, number: int = 99) -> Embedding:
    """Return an embedding at this cosine from a person's."""
    unit = person / np.linalg.norm(person)
    other = face(number)
    across = other - (other @ unit) * unit
    across /= np.linalg.norm(across)
    turned: Embedding = 20 * (cosine * unit + np.sqrt(1 - cosine**2) * across)
    return turned.astype(np.float32)
