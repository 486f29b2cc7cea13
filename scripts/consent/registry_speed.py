"""The registry's speed, and how often it refuses strangers, on drawn people never trained on."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import EMBEDDING_SIZE
from instantid_server.trust.consent.gate import NO_CONSENT
from instantid_server.trust.consent.template import CODE_BYTES, PROTECTED_LABEL, Templates
from instantid_server.trust.keys import VersionedKeys
from instantid_server.trust.policy import ProtectedPolicy
from instantid_server.trust.protected.check import FaceSource, ProtectedCheck, least_estimate
from instantid_server.trust.protected.face_reader import load_face_analysis
from instantid_server.trust.protected.registry import Entry, Reason, Registry
from instantid_server.trust.protected.registry_file import RegistryFile
from scripts.pocket.check import best_face
from scripts.pocket.drawings import drawing_of
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.reports import ROOT

_SIZES = {"registry_1000_ms": 1_000, "registry_ms": 10_000, "registry_100000_ms": 100_000}
_SEARCHES = 50  # whose median counts
_STRICT = 0.7  # beside the policy's default; the pocket recogniser takes many drawn people for one
_KEYS = VersionedKeys(1, {1: bytes(range(32))})


def measure(quick: bool = False) -> dict[str, float]:
    """Return milliseconds of a search by length, and shares of alarms and of protected found."""
    templates = Templates(_KEYS)
    figures = {name: _search_ms(templates, length) for name, length in _SIZES.items()}
    return figures | _alarms(templates, 40 if quick else 300)


def _search_ms(templates: Templates, length: int) -> float:
    rng = np.random.default_rng(length)
    entries = tuple(Entry(str(n), rng.bytes(CODE_BYTES), Reason.COURT) for n in range(length))
    registry = Registry(1, _KEYS.current, "", entries)
    with (
        tempfile.NamedTemporaryFile() as file
    ):  # stands for the registry: it is looked at each time
        watched = RegistryFile(Path(file.name), lambda _: registry)
        check = ProtectedCheck(ProtectedPolicy(threshold=_STRICT), templates, watched)
        faces = rng.standard_normal((_SEARCHES, 1, EMBEDDING_SIZE), np.float32)
        check.check(faces[0], FaceSource.REFERENCE, NO_CONSENT)  # draws the projection
        took = [_timed_ms(check, face) for face in faces]
    return statistics.median(took)


def _timed_ms(check: ProtectedCheck, face: NDArray[np.float32]) -> float:
    began = time.perf_counter()
    check.check(face, FaceSource.REFERENCE, NO_CONSENT)
    return (time.perf_counter() - began) * 1000


def _alarms(templates: Templates, people: int) -> dict[str, float]:
    """Protect one drawing of each person; look for the same and for strangers in the others.

    `caught` is the share of protected people who are refused, `pair_alarms` of pairs of strangers
    that look alike, and `alarms` of strangers who are refused by a list of all others.
    """
    protected, other = _embeddings(people)
    codes = np.stack([templates.code(face, PROTECTED_LABEL, _KEYS.current) for face in protected])
    estimates = np.stack(
        [templates.estimate_many(codes, face, PROTECTED_LABEL, _KEYS.current) for face in other]
    )
    strangers = ~np.eye(len(estimates), dtype=bool)
    figures = {"registry_people": float(len(estimates))}
    for name, threshold in (("", ProtectedPolicy().threshold), ("_strict", _STRICT)):
        refused = estimates >= least_estimate(threshold)
        figures |= {
            f"registry_caught{name}": float(np.diag(refused).mean()),
            f"registry_pair_alarms{name}": float(refused[strangers].mean()),
            f"registry_alarms{name}": float((refused & strangers).any(axis=1).mean()),
        }
    return figures


def _embeddings(people: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two embeddings of each person in whose drawings a face is found."""
    faces = load_face_analysis(ROOT / "model_repository")
    seeds = range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + people)
    both = np.stack(
        [[best_face(faces, drawing_of(seed, k).picture)[0] for k in (0, 1)] for seed in seeds]
    )
    found = both[~np.isnan(both).any(axis=(1, 2))]
    return found[:, 0], found[:, 1]
