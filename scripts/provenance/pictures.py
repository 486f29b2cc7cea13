"""Pictures to mark: drawn, generated, photographed, and textures made up at any size."""

from pathlib import Path

import cv2
import numpy as np
import skimage
from PIL import Image

from instantid_server.images import RGB
from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.pocket.arrays import Floats
from scripts.pocket.check import generate_persons
from scripts.pocket.drawings import drawing_of
from scripts.pocket.generation import GenerationOptions
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.reports import ROOT

# Those of scikit-image that lie in its wheel and are 512 pixels long or longer.
_PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "coffee.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)
_SHAPES = 12


def photographs() -> list[RGB]:
    """Return scikit-image's photographs, whole."""
    folder = Path(skimage.__file__).parent / "data"
    return [np.asarray(Image.open(folder / name).convert("RGB")) for name in _PHOTOGRAPHS]


def drawings(count: int, size_px: int = NATIVE_SIZE_PX) -> list[RGB]:
    """Return drawings of so many persons that no weights were trained on."""
    seeds = range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + count)
    return [drawing_of(seed, 0, size_px).picture for seed in seeds]


def generated(count: int) -> list[RGB]:
    """Return pictures that the pocket weights made."""
    repository = ROOT / "model_repository"
    faces = load_face_analysis(repository)
    made = generate_persons(repository, faces, count, GenerationOptions())
    return [item.picture for item in made]


def texture(rng: np.random.Generator, height: int, width: int) -> RGB:
    """Return a picture with the spectrum of a photograph, some shapes, and a sensor's noise."""
    steepness = rng.uniform(1.0, 1.7)
    common = _cloud(rng, height, width, steepness)
    channels = [common + 0.3 * _cloud(rng, height, width, steepness) for _ in range(3)]
    picture = np.stack(channels, axis=-1) * rng.uniform(20, 45) + rng.uniform(90, 160)
    for _ in range(_SHAPES):
        picture = _with_shape(rng, picture.astype(np.float32))
    picture += rng.normal(0, rng.uniform(1, 4), picture.shape)
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def cut_out(rng: np.random.Generator, picture: RGB, height: int, width: int) -> RGB:
    """Return a part of a picture, from anywhere in it; all of a side that is too short."""
    down = int(rng.integers(max(picture.shape[0] - height, 0) + 1))
    across = int(rng.integers(max(picture.shape[1] - width, 0) + 1))
    return np.ascontiguousarray(picture[down : down + height, across : across + width])


def _cloud(rng: np.random.Generator, height: int, width: int, steepness: float) -> Floats:
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequencies[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) * frequencies**-steepness
    cloud = np.fft.irfft2(spectrum, s=(height, width))
    return np.asarray(cloud / cloud.std(), np.float32)


def _with_shape(rng: np.random.Generator, picture: Floats) -> Floats:
    height, width = picture.shape[:2]
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    radii = (
        int(rng.integers(width // 20, width // 4)),
        int(rng.integers(height // 20, height // 4)),
    )
    colour, angle, opacity = (
        rng.uniform(0, 255, 3).tolist(),
        rng.uniform(0, 360),
        rng.uniform(0.3, 1),
    )
    covered = cv2.ellipse(picture.copy(), centre, radii, angle, 0, 360, colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(picture, 1 - opacity, covered, opacity, 0))
