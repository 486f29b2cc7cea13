"""The people behind public faces, the pictures of both, and what the judge says of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from instantid_server.stages.face import FaceAnalysis
from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.comparisons.drawn_cases import pictures_of
from scripts.comparisons.public_face_figures import Thresholds, consistency, privacy
from scripts.comparisons.public_face_ways import PRIVATE, PUBLIC, Way
from scripts.evaluate.cases import Case
from scripts.judge.judge import Judge
from scripts.pocket.arrays import Floats, Picture, Rows
from scripts.pocket.check import best_face
from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.served import served_networks

_GALLERY_SEED = FIRST_UNSEEN_SEED + 30_000
_STRANGER_SEED = FIRST_UNSEEN_SEED + 31_000  # people who are not in the gallery
_SCENE_SEED = FIRST_UNSEEN_SEED + 32_000  # people whose scenes and poses are borrowed
_MOST_SOURCES = max(way.sources for way in PUBLIC)


@dataclass(frozen=True)
class Size:
    """How many of each the comparison takes."""

    faces: int
    scenes: int
    gallery: int
    strangers: int  # half of them set the thresholds, the other half are judged by these
    crowd: int  # people whose embeddings say which directions a face can take


WHOLE = Size(faces=20, scenes=4, gallery=1000, strangers=1000, crowd=100)
QUICK = Size(faces=4, scenes=3, gallery=100, strangers=200, crowd=30)


class Comparison:
    """Private people, and what the judge needs to know of them."""

    def __init__(self, repository: Path, size: Size) -> None:
        self._size = size
        self._judge = Judge()
        self._gallery = self._describe(_drawings(_GALLERY_SEED, size.gallery))
        strangers = self._describe(_drawings(_STRANGER_SEED, size.strangers))
        self._thresholds = Thresholds.from_strangers(strangers[::2], self._gallery)
        self._strangers = strangers[1::2]
        faces = load_face_analysis(repository)
        rows, embeddings = _embeddings(faces, _GALLERY_SEED, size.faces * _MOST_SOURCES)
        self._sources: Rows = rows.reshape(size.faces, _MOST_SOURCES)
        self._embeddings = embeddings.reshape(size.faces, _MOST_SOURCES, -1)
        _, self._crowd = _embeddings(faces, _STRANGER_SEED, size.crowd)
        self._networks, self._prompts = served_networks(repository)
        lenders = range(_SCENE_SEED, _SCENE_SEED + size.faces * size.scenes)
        self._cases = [Case(seed, scene_of(seed, 0), seed=0) for seed in lenders]

    def drawn(self) -> dict[str, float]:
        """Return the figures of true drawings: what can be had."""
        people = [_GALLERY_SEED + int(row) for row in self._sources[:, 0]]
        scenes = range(1, self._size.scenes + 1)
        pictures = [[drawing_of(seed, scene).picture for scene in scenes] for seed in people]
        return self._figures(np.array(pictures), PRIVATE)

    def strangers(self) -> dict[str, float]:
        """Return how often people outside the gallery are found in it."""
        nobody = np.empty((len(self._strangers), 0), np.int64)
        return privacy(self._strangers[:, None], nobody, self._gallery, self._thresholds)

    def draw(self, way: Way) -> tuple[Picture, dict[str, float]]:
        """Return the pictures [faces, scenes, 128, 128, 3] of one way, and their figures.

        No two of them borrow from the same person, or the pose alone would make them alike.
        """
        rng = np.random.default_rng(0)
        faces = [
            way.embedding(sources[: way.sources], self._crowd, rng) for sources in self._embeddings
        ]
        embeddings = np.repeat(np.stack(faces), self._size.scenes, axis=0)
        drawn = np.stack(pictures_of(self._networks, self._prompts, self._cases, embeddings))
        pictures = drawn.reshape(self._size.faces, self._size.scenes, *drawn.shape[1:])
        return pictures, self._figures(pictures, way)

    def first_source(self) -> Picture:
        """Return the drawing of which the first face of every way is made, at least in part."""
        return drawing_of(_GALLERY_SEED + int(self._sources[0, 0]), 0).picture

    def _figures(self, pictures: Picture, way: Way) -> dict[str, float]:
        faces, scenes = pictures.shape[:2]
        described = self._describe(pictures.reshape(-1, *pictures.shape[2:]))
        described = described.reshape(faces, scenes, -1)
        sources = self._sources[:, : way.sources]
        return privacy(described, sources, self._gallery, self._thresholds) | consistency(
            described, self._thresholds
        )

    def _describe(self, pictures: Picture) -> Floats:
        """Return the judge's embeddings [pictures, width], at the keypoints that it sees."""
        return self._judge.embed(pictures, self._judge.keypoints(pictures))


def _drawings(first_seed: int, count: int) -> Picture:
    return np.stack([drawing_of(first_seed + row, 0).picture for row in range(count)])


def _embeddings(faces: FaceAnalysis, first_seed: int, count: int) -> tuple[Rows, Floats]:
    """Return the first so many people in whose drawing a face is found: number, embedding."""
    rows: list[int] = []
    found: list[Floats] = []
    row = 0
    while len(found) < count:
        embedding, keypoints = best_face(faces, drawing_of(first_seed + row, 0).picture)
        if keypoints is not None:
            rows.append(row)
            found.append(embedding)
        row += 1
    return np.array(rows), np.stack(found)
