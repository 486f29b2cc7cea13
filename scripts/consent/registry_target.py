"""The target of attacks on the registry: two protected people, and a server that looks at them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instantid_server.trust.consent.gate import NO_CONSENT, Consent
from instantid_server.trust.consent.template import Templates
from instantid_server.trust.keys import Keys, make_test_keys
from instantid_server.trust.policy import ProtectedPolicy
from instantid_server.trust.protected.check import FaceSource, ProtectedCheck
from instantid_server.trust.protected.registry import Reason
from instantid_server.trust.protected.registry_editor import Protection, RegistryEditor

ISSUER, SUBJECT = "studio", "s-1"  # as whom the first protected person can consent
_RECOGNISER = "0" * 16

Embedding = NDArray[np.float32]


@dataclass(frozen=True)
class RegistryTarget:
    """A running check, its file, and the people."""

    check: ProtectedCheck
    path: Path
    keys: Keys
    older: bytes  # the signed file of before the second person was in it
    protected: Embedding
    also_protected: Embedding
    stranger: Embedding

    def draw(
        self,
        face: Embedding,
        source: FaceSource = FaceSource.REFERENCE,
        consent: Consent = NO_CONSENT,
    ) -> str:
        """Return what came of it; raises what the server answers."""
        self.check.check(face[None], source, consent)
        return "drawn"

    def start_again(self) -> ProtectedCheck:
        """Return what a new process reads; raises RegistryError."""
        return ProtectedCheck.load(ProtectedPolicy(str(self.path)), self.keys, _RECOGNISER)


@contextmanager
def registry_target() -> Iterator[RegistryTarget]:
    """Set one up for as long as the context lasts."""
    rng = np.random.default_rng(7)
    people = rng.standard_normal((3, 512), np.float32)
    with tempfile.TemporaryDirectory(prefix="instantid-registry-") as text:
        folder = Path(text)
        make_test_keys(folder / "keys")
        keys = Keys.load(folder / "keys")
        path, templates = folder / "protected.jsonl", Templates(keys.template)
        editor = RegistryEditor.create(path, folder / "registry_key.pem", keys, _RECOGNISER)
        own = Protection(Reason.OWN_REQUEST, issuer=ISSUER, subject=SUBJECT)
        editor.add(people[0], own, templates)
        older = path.read_bytes()
        editor.add(people[1], Protection(Reason.COURT), templates)
        check = ProtectedCheck.load(ProtectedPolicy(str(path)), keys, _RECOGNISER)
        yield RegistryTarget(check, path, keys, older, *people)


def likeness(face: Embedding, cosine: float) -> Embedding:
    """Return another embedding, at this cosine from a face's."""
    unit = face / np.linalg.norm(face)
    other = np.random.default_rng(8).standard_normal(face.shape, np.float32)
    across = other - (other @ unit) * unit
    across /= np.linalg.norm(across)
    turned: Embedding = (cosine * unit + np.sqrt(1 - cosine**2) * across).astype(np.float32)
    return turned
