"""The check of a face against the protected people: before it is drawn, and in the picture."""

import math
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import ConsentLevel
from instantid_server.errors import RefusedPolicy
from instantid_server.trust.consent.gate import Consent
from instantid_server.trust.consent.template import CODE_BYTES, PROTECTED_LABEL, Templates
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import ProtectedPolicy
from instantid_server.trust.protected.registry import Entry, Registry
from instantid_server.trust.protected.registry_file import RegistryFile
from instantid_server.trust.protected.registry_key import read_pin


class FaceSource(StrEnum):
    """Where a face was found."""

    REFERENCE = "reference"
    PICTURE = "picture"  # a prompt can name somebody whom the reference does not show


class ProtectedCheck:
    """Compares faces with all protected ones. Any thread may."""

    def __init__(
        self, policy: ProtectedPolicy, templates: Templates, file: RegistryFile | None
    ) -> None:
        """Without a file, nobody is protected."""
        self._templates = templates
        self._file = file
        self._least = least_estimate(policy.threshold)
        self._sources = {FaceSource.REFERENCE}
        if policy.check_output:
            self._sources.add(FaceSource.PICTURE)

    @classmethod
    def load(cls, policy: ProtectedPolicy, keys: Keys, recogniser: str) -> "ProtectedCheck":
        """Read the policy's registry, which is to be of these keys and this recogniser's faces.

        Raises RegistryError.
        """
        templates = Templates(keys.template)
        if not policy.registry:
            return cls(policy, templates, None)
        pin = read_pin(keys.folder)

        def parse(content: bytes) -> Registry:
            registry = Registry.parse(content, pin)
            registry.check_usable(templates, recogniser)
            return registry

        return cls(policy, templates, RegistryFile(Path(policy.registry), parse))

    def check(self, embeddings: NDArray[np.float32], source: FaceSource, consent: Consent) -> None:
        """Raise RefusedPolicy if one of the faces (faces, 512), raw, is a protected person's.

        Raises PolicyUnavailable where that cannot be told. Every code is compared whatever the
        others gave, so that the time tells nothing of the registry but its length.
        """
        if self._file is None or source not in self._sources:
            return
        registry = self._file.current()
        today = datetime.now(UTC).date()
        near = np.zeros(len(registry.entries), bool)
        for embedding in embeddings:
            near |= self._estimates(registry, embedding) >= self._least
        entries = (registry.entries[index] for index in np.flatnonzero(near))
        if any(_forbids(entry, consent, today) for entry in entries):
            raise RefusedPolicy(reason=f"protected:{source}")

    def _estimates(self, registry: Registry, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._templates.estimate_many(
            registry.codes, embedding, PROTECTED_LABEL, registry.key_version
        )


def least_estimate(threshold: float) -> float:
    """Return the estimated cosine from which a face counts as one of a cosine of `threshold`.

    The estimate of a code's n bits misses the cosine by a standard deviation that follows from the
    share p of differing bits: cos(pi p) has the slope -pi sin(pi p), and p the deviation
    sqrt(p (1 - p) / n), 0.045 in all at 0.35. The threshold is lowered by one of them, so that a
    face that just reaches it passes by chance in one of six cases instead of every other. To lower
    it by two would make it one of forty, and many times more strangers would be refused: among
    10,000 entries, somebody always looks a little like the person on the photo.
    """
    share = math.acos(threshold) / math.pi
    spread = math.sqrt(share * (1 - share) / (8 * CODE_BYTES))
    return threshold - math.pi * math.sin(math.pi * share) * spread


def _forbids(entry: Entry, consent: Consent, today: date) -> bool:
    if entry.expires is not None and entry.expires < today:
        return False
    own = entry.subject != "" and (entry.issuer, entry.subject) == (consent.issuer, consent.subject)
    return not (own and consent.level is ConsentLevel.VERIFIED)
