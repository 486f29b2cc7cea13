"""What the mark costs a face: the recogniser's cosine to the reference, with it and without."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from instantid_server.stages.face import FaceAnalysis
from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.known_keys import known_mark
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.check import best_face, cosine, generate_persons
from scripts.pocket.drawings import drawing_of
from scripts.pocket.generation import GenerationOptions
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.reports import ROOT

_RECORD_ID_BYTES = 16


@dataclass(frozen=True)
class Pair:
    """A reference, and a picture that should show the same person."""

    reference: Picture
    picture: Picture


def measure(quick: bool) -> dict[str, float]:
    """Return mean cosines and shares of faces found, of drawings and of generated pictures.

    `noise` is the standard error of the cosine without marks: as much as another set of as many
    persons would move it.
    """
    repository = ROOT / "model_repository"
    faces = load_face_analysis(repository)
    drawn, generated = (20, 0) if quick else (200, 60)
    seeds = range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + drawn)
    drawings = [Pair(drawing_of(seed, 0).picture, drawing_of(seed, 1).picture) for seed in seeds]
    figures = _compare(faces, drawings, "drawn")
    if generated:
        made = generate_persons(repository, faces, generated, GenerationOptions())
        pairs = [Pair(item.reference.picture, item.picture) for item in made]
        figures |= _compare(faces, pairs, "generated")
    return figures


def _compare(faces: FaceAnalysis, pairs: Sequence[Pair], name: str) -> dict[str, float]:
    mark = known_mark()

    def marked(picture: Picture) -> Picture:
        return mark.embed(picture, secrets.token_hex(_RECORD_ID_BYTES))

    plain = _cosines(faces, pairs, lambda picture: picture)
    with_mark = _cosines(faces, pairs, marked)
    both = ~np.isnan(plain) & ~np.isnan(with_mark)  # a face is found in either
    return {
        f"identity_{name}_unmarked": float(plain[both].mean()),
        f"identity_{name}_marked": float(with_mark[both].mean()),
        f"identity_{name}_kept": float(with_mark[both].mean() / plain[both].mean()),
        f"identity_{name}_noise": float(plain[both].std() / np.sqrt(both.sum())),
        f"faces_found_{name}_unmarked": float((~np.isnan(plain)).mean()),
        f"faces_found_{name}_marked": float((~np.isnan(with_mark)).mean()),
    }


def _cosines(
    faces: FaceAnalysis, pairs: Sequence[Pair], edit: Callable[[Picture], Picture]
) -> Floats:
    return np.array(
        [
            cosine(best_face(faces, pair.reference)[0], best_face(faces, edit(pair.picture))[0])
            for pair in pairs
        ],
        np.float32,
    )
