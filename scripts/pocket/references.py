"""The reference portraits that the demo and the tests use: persons never trained on.

`python -m scripts.pocket.references` draws them again into `tests/data`.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from scripts.pocket.arrays import Picture
from scripts.pocket.backgrounds import draw_background
from scripts.pocket.canvas import Canvas
from scripts.pocket.captions import full_caption
from scripts.pocket.person import FIRST_UNSEEN_SEED, person_from_seed
from scripts.pocket.portraits import draw_portrait
from scripts.pocket.scene import FRONTAL, Pose, Scene

SIZE_PX = 512
_LICENCE = """The pictures in this folder were drawn by this project's own program
(`python -m scripts.pocket.references`). They show nobody. They are dedicated to the public domain
under CC0 1.0: https://creativecommons.org/publicdomain/zero/1.0/
"""
_TURNED_LEFT = Pose(-0.32, 0.05, -0.08, 0.31, 0.5, 0.47)
_TURNED_RIGHT = Pose(0.3, -0.06, 0.09, 0.31, 0.49, 0.47)

REFERENCES: tuple[tuple[int, Scene], ...] = (
    (
        3,
        Scene(
            "bob",
            "red",
            "coat",
            "green",
            "beach",
            "none",
            "smiling",
            "daylight",
            "plain",
            FRONTAL,
            1,
        ),
    ),
    (
        7,
        Scene(
            "short",
            "brown",
            "suit",
            "blue",
            "library",
            "none",
            "neutral",
            "warm",
            "plain",
            _TURNED_RIGHT,
            2,
        ),
    ),
    (
        12,
        Scene(
            "curly",
            "black",
            "sweater",
            "yellow",
            "garden",
            "earrings",
            "laughing",
            "daylight",
            "plain",
            FRONTAL,
            3,
        ),
    ),
    (
        19,
        Scene(
            "long",
            "blond",
            "dress",
            "purple",
            "mountains",
            "none",
            "smiling",
            "daylight",
            "watercolor",
            _TURNED_LEFT,
            4,
        ),
    ),
    (
        24,
        Scene(
            "spiky",
            "blue",
            "hoodie",
            "orange",
            "city",
            "none",
            "neutral",
            "daylight",
            "comic",
            FRONTAL,
            5,
        ),
    ),
    (
        31,
        Scene(
            "bun",
            "grey",
            "t-shirt",
            "red",
            "studio",
            "glasses",
            "smiling",
            "daylight",
            "plain",
            _TURNED_RIGHT,
            6,
        ),
    ),
)


def write_references(folder: Path) -> None:
    """Write six portraits with captions, a picture of two persons and one of nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    captions = {}
    for place, (number, scene) in enumerate(REFERENCES, start=1):
        name = f"portrait_{place}.png"
        _write(folder / name, _portrait(number, scene))
        captions[name] = {"caption": full_caption(scene), "person": FIRST_UNSEEN_SEED + number}
    (folder / "portraits.json").write_text(json.dumps(captions, indent=2) + "\n")
    pair = [
        _portrait(number, replace(scene, background="studio", variation=0))
        for number, scene in (REFERENCES[0], REFERENCES[4])
    ]
    _write(folder / "two_faces.png", np.concatenate(pair, axis=1))
    canvas = Canvas(SIZE_PX)
    draw_background(canvas, "mountains", 8)
    _write(folder / "no_face.png", canvas.picture())
    (folder / "LICENCE.txt").write_text(_LICENCE)


def _portrait(number: int, scene: Scene) -> Picture:
    return draw_portrait(person_from_seed(FIRST_UNSEEN_SEED + number), scene, SIZE_PX).picture


def _write(path: Path, picture: Picture) -> None:
    cv2.imwrite(
        str(path), np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )


def main() -> None:
    """Draw the references."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.pocket.references", description=__doc__
    )
    parser.add_argument("--folder", type=Path, default=Path("tests/data"))
    write_references(parser.parse_args().folder)


if __name__ == "__main__":
    main()
