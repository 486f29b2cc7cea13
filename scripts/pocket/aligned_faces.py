"""Aligned faces: every training drawing cut out as the recogniser sees it."""

import logging
import os
from pathlib import Path

import numpy as np
from insightface.utils.face_align import norm_crop

from scripts.pocket.arrays import Floats, Picture, new_array
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, Drawings, drawing_of

FACE_PX = 112
FACES_PER_PERSON = PORTRAITS_PER_PERSON + 1
_LARGE_PX = 320  # the last face of each person comes from a larger drawing, as references do

logger = logging.getLogger(__name__)


def make_aligned_faces(drawings: Drawings, path: Path) -> Picture:
    """Return faces [persons, 6, 112, 112, 3], cut out of the drawings if the file is missing."""
    if not path.exists():
        persons = len(drawings.pictures) // PORTRAITS_PER_PERSON
        part = path.with_suffix(".part.npy")
        shape = (persons, FACES_PER_PERSON, FACE_PX, FACE_PX, 3)
        faces = new_array(part, shape, np.uint8)
        for person in range(persons):
            for index in range(PORTRAITS_PER_PERSON):
                row = person * PORTRAITS_PER_PERSON + index
                faces[person, index] = align(drawings.pictures[row], drawings.keypoints[row])
            large = drawing_of(person, PORTRAITS_PER_PERSON, _LARGE_PX)
            faces[person, PORTRAITS_PER_PERSON] = align(large.picture, large.keypoints)
            if person % 1000 == 0:
                logger.info("%d of %d persons aligned", person, persons)
        os.replace(part, path)
    loaded: Picture = np.load(path, mmap_mode="r")
    return loaded


def align(picture: Picture, keypoints: Floats) -> Picture:
    """Return the face [112, 112, 3] turned and scaled to insightface's template."""
    aligned: Picture = norm_crop(np.asarray(picture), keypoints, FACE_PX)
    return aligned
