"""Pictures of cases, made in this process by whatever networks are to be compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.contact_sheet import contact_sheet
from scripts.evaluate.cases import Case
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.captions import full_caption
from scripts.pocket.check import best_face
from scripts.pocket.export import Networks
from scripts.pocket.generation import GenerationOptions, generate
from scripts.pocket.prompts import PromptEncoder

_BATCH = 20
_SEEDS_APART = 1000  # batches of one seed draw other noise, those of the next seed too
_SHEET_ROWS = 8


def face_embeddings(repository: Path, pictures: Sequence[Picture]) -> Floats:
    """Return the served recogniser's embeddings [n, 512] of pictures; zeros where is no face."""
    faces = load_face_analysis(repository)
    found = [best_face(faces, picture)[0] for picture in pictures]
    embeddings: Floats = np.nan_to_num(np.stack(found))
    return embeddings


def pictures_of(
    networks: Networks, prompts: PromptEncoder, cases: Sequence[Case], embeddings: Floats
) -> list[Picture]:
    """Return a picture [128, 128, 3] of each case at the default dials.

    The same cases start from the same noise, whatever the networks.
    """
    pictures: list[Picture] = []
    for start in range(0, len(cases), _BATCH):
        batch = cases[start : start + _BATCH]
        pictures.extend(
            generate(
                networks,
                prompts,
                [full_caption(case.scene) for case in batch],
                embeddings[start : start + _BATCH],
                np.stack([case.truth.keypoints for case in batch]),
                GenerationOptions(seed=batch[0].seed * _SEEDS_APART + start),
            )
        )
    return pictures


def write_sheet(
    path: Path, cases: Sequence[Case], columns: Mapping[str, Sequence[Picture]]
) -> None:
    """Write the first cases as rows: the reference, then each column's picture."""
    rows = [
        [
            ("reference", Image.fromarray(case.reference.picture)),
            *((name, Image.fromarray(pictures[row])) for name, pictures in columns.items()),
        ]
        for row, case in enumerate(cases[:_SHEET_ROWS])
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows).save(path)
