"""The sheet: unseen persons in the same few scenes, for people to look at."""

from dataclasses import replace

import numpy as np
from PIL import Image

from scripts.contact_sheet import Tile, contact_sheet
from scripts.evaluate.album import Album
from scripts.evaluate.cases import Case
from scripts.evaluate.effort import Effort
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.scene import ART_STYLES, BACKGROUNDS, Scene, random_scene

_SEED = 11  # of the scenes and of the noise


def sheet_rows(effort: Effort) -> list[list[Case]]:
    """Return a row of cases for each person; they come after those of the tables."""
    first = FIRST_UNSEEN_SEED + effort.persons
    return [
        [Case(person, scene, _SEED) for scene in _scenes(effort.sheet_scenes)]
        for person in range(first, first + effort.sheet_persons)
    ]


def draw_sheet(album: Album, effort: Effort) -> Image.Image:
    """Return the reference of each person and, to its right, a picture of every scene."""
    rows = []
    for cases in sheet_rows(effort):
        reference = Image.fromarray(cases[0].reference.picture)
        rows.append([("reference", reference), *(_tile(album, case) for case in cases)])
    return contact_sheet(rows)


def _scenes(number: int) -> list[Scene]:
    """Return scenes that differ in art style and place, and by chance in all else."""
    rng = np.random.default_rng(_SEED)
    return [
        replace(random_scene(rng), art_style=art_style, background=background)
        for art_style, background in zip(ART_STYLES, BACKGROUNDS, strict=False)
    ][:number]


def _tile(album: Album, case: Case) -> Tile:
    refusal = album.refusals.get(case)
    if refusal is not None:
        return refusal, Image.new("RGB", (1, 1), "lightgrey")
    scene = case.scene
    label = f"{scene.art_style}, {scene.background}, {scene.garment_colour} {scene.garment}"
    return label, Image.fromarray(album.pictures[case])
