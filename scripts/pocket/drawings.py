"""The training set: a few drawings of each of many persons, kept as arrays on disk."""

import logging
import os
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from scripts.pocket.arrays import Floats, Picture, new_array
from scripts.pocket.person import person_from_seed
from scripts.pocket.portraits import NATIVE_SIZE_PX, Portrait, draw_portrait
from scripts.pocket.scene import Scene, random_scene

PORTRAITS_PER_PERSON = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawings:
    """Row p * 5 + i is drawing i of person p."""

    pictures: Picture  # uint8 [rows, 128, 128, 3] RGB
    keypoints: Floats  # float32 [rows, 5, 2] pixels

    def scene(self, row: int) -> Scene:
        """Return the scene of a row."""
        return scene_of(row // PORTRAITS_PER_PERSON, row % PORTRAITS_PER_PERSON)


def scene_of(person_seed: int, index: int) -> Scene:
    """Return the scene of a person's drawing with this index; it is always the same."""
    return random_scene(np.random.default_rng([person_seed, index, 0x5CE]))


def drawing_of(person_seed: int, index: int, size_px: int = NATIVE_SIZE_PX) -> Portrait:
    """Return a person's drawing with this index; it is always the same."""
    return draw_portrait(person_from_seed(person_seed), scene_of(person_seed, index), size_px)


def load_drawings(folder: Path) -> Drawings:
    """Open the drawings below a folder, without reading them into memory."""
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    return Drawings(pictures, np.load(folder / "keypoints.npy"))


def make_drawings(folder: Path, persons: int, processes: int) -> None:
    """Draw the persons 0..persons-1, unless they are there."""
    finished = folder / "keypoints.npy"
    if finished.exists() and len(np.load(finished)) == persons * PORTRAITS_PER_PERSON:
        return
    folder.mkdir(parents=True, exist_ok=True)
    rows = persons * PORTRAITS_PER_PERSON
    shape = (rows, NATIVE_SIZE_PX, NATIVE_SIZE_PX, 3)
    pictures = new_array(folder / "pictures.npy", shape, np.uint8)
    keypoints = np.zeros((rows, 5, 2), np.float32)
    with Pool(processes) as pool:
        for row, portrait in enumerate(pool.imap(_row, range(rows), chunksize=50)):
            pictures[row], keypoints[row] = portrait.picture, portrait.keypoints
            if row % 5000 == 0:
                logger.info("%d of %d drawn", row, rows)
    part = finished.with_suffix(".part.npy")
    np.save(part, keypoints)
    os.replace(part, finished)


def _row(row: int) -> Portrait:
    return drawing_of(row // PORTRAITS_PER_PERSON, row % PORTRAITS_PER_PERSON)
