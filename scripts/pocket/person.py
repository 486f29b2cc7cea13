"""A drawn person: the identity parameters that never change from scene to scene."""

from dataclasses import dataclass

import numpy as np

from scripts.pocket.arrays import Floats

FIRST_UNSEEN_SEED = 1_000_000  # persons from here on are never trained on

Colour = tuple[float, float, float]

_SKIN_TONES = np.array(
    [
        [255, 226, 208],
        [246, 200, 168],
        [224, 172, 126],
        [190, 128, 84],
        [138, 88, 58],
        [88, 56, 40],
    ],
    dtype=np.float64,
)
_EYE_COLOURS = np.array(
    [[84, 52, 32], [136, 94, 40], [84, 132, 66], [60, 124, 190], [112, 160, 188], [44, 34, 34]],
    dtype=np.float64,
)


@dataclass(frozen=True)
class Person:
    """Identity in head units: the head is two units high around the origin, y points down."""

    seed: int
    skin: Colour  # RGB 0..255
    eye_colour: Colour
    brow_colour: Colour
    lip_colour: Colour
    face_width: float  # half width at the cheeks
    jaw: float  # 0 pointed .. 1 square
    chin: float  # y of the chin
    eye_spacing: float  # half distance of the eye centres
    eye_width: float
    eye_height: float
    eye_tilt: float  # radians, positive lifts the outer corner
    eye_y: float
    brow_thickness: float
    brow_angle: float
    brow_gap: float
    brow_length: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lip_fullness: float
    mouth_y: float
    ear_size: float
    freckles: float  # 0 none .. 1 many
    mole: tuple[float, float] | None  # on the face, head units
    scar: tuple[float, float, float] | None  # place and angle
    blush: float


def person_from_seed(seed: int) -> Person:
    """Return the one person that belongs to this number."""
    rng = np.random.default_rng([seed, 0xFACE])
    skin = _between(_SKIN_TONES, rng.random()) * (1 + rng.uniform(-0.04, 0.04, 3))
    eye_colour = _EYE_COLOURS[rng.integers(len(_EYE_COLOURS))] * rng.uniform(0.85, 1.15)
    lips = skin * [0.86, 0.56, 0.56] + np.array(
        [rng.uniform(0, 30), rng.uniform(0, 18), rng.uniform(0, 30)]
    )
    mole_side, scar_side = rng.choice([-1, 1], 2)
    mole = (mole_side * rng.uniform(0.22, 0.5), rng.uniform(0.18, 0.62))
    scar = (scar_side * rng.uniform(0.3, 0.5), rng.uniform(0.12, 0.4), rng.uniform(-0.9, 0.9))
    return Person(
        seed=seed,
        skin=_colour(skin),
        eye_colour=_colour(eye_colour),
        brow_colour=_colour(np.array([70.0, 48.0, 36.0]) * rng.uniform(0.35, 1.9)),
        lip_colour=_colour(lips),
        face_width=rng.uniform(0.66, 0.86),
        jaw=rng.uniform(0.0, 1.0),
        chin=rng.uniform(0.92, 1.08),
        eye_spacing=rng.uniform(0.28, 0.39),
        eye_width=rng.uniform(0.14, 0.2),
        eye_height=rng.uniform(0.085, 0.145),
        eye_tilt=rng.uniform(-0.22, 0.28),
        eye_y=rng.uniform(-0.1, 0.04),
        brow_thickness=rng.uniform(0.03, 0.095),
        brow_angle=rng.uniform(-0.25, 0.3),
        brow_gap=rng.uniform(0.17, 0.25),
        brow_length=rng.uniform(0.15, 0.22),
        nose_width=rng.uniform(0.08, 0.19),
        nose_length=rng.uniform(0.24, 0.38),
        mouth_width=rng.uniform(0.18, 0.32),
        lip_fullness=rng.uniform(0.035, 0.1),
        mouth_y=rng.uniform(0.52, 0.62),
        ear_size=rng.uniform(0.15, 0.28),
        freckles=rng.uniform(0.4, 1.0) if rng.random() < 0.3 else 0.0,
        mole=mole if rng.random() < 0.3 else None,
        scar=scar if rng.random() < 0.15 else None,
        blush=rng.uniform(0.0, 0.5),
    )


def identity_vector(person: Person) -> Floats:
    """Return the identity as numbers [33] of about unit size, for losses and measurements."""
    numbers = [
        *((np.array(person.skin) - [205, 150, 112]) / [50, 50, 50]),
        *((np.array(person.eye_colour) - [85, 98, 92]) / [38, 38, 60]),
        *((np.array(person.brow_colour) - [78, 54, 40]) / [32, 22, 17]),
        *((np.array(person.lip_colour) - [190, 92, 78]) / [46, 32, 32]),
        (person.face_width - 0.76) / 0.058,
        (person.jaw - 0.5) / 0.29,
        (person.chin - 1.0) / 0.046,
        (person.eye_spacing - 0.335) / 0.032,
        (person.eye_width - 0.17) / 0.017,
        (person.eye_height - 0.115) / 0.017,
        (person.eye_tilt - 0.03) / 0.144,
        (person.eye_y + 0.03) / 0.04,
        (person.brow_thickness - 0.0625) / 0.019,
        (person.brow_angle - 0.025) / 0.159,
        (person.brow_gap - 0.21) / 0.023,
        (person.brow_length - 0.185) / 0.02,
        (person.nose_width - 0.135) / 0.032,
        (person.nose_length - 0.31) / 0.04,
        (person.mouth_width - 0.25) / 0.04,
        (person.lip_fullness - 0.0675) / 0.019,
        (person.mouth_y - 0.57) / 0.029,
        (person.ear_size - 0.215) / 0.0375,
        3.0 * person.freckles - 0.7,
        2.0 * (person.mole is not None) - 0.6,
        2.0 * (person.scar is not None) - 0.3,
    ]
    return np.array(numbers, np.float32)


def _between(table: Floats, position: float) -> Floats:
    """Interpolate a table of colours at a position 0..1."""
    place = position * (len(table) - 1)
    low = min(int(place), len(table) - 2)
    weight = place - low
    mixed: Floats = table[low] * (1 - weight) + table[low + 1] * weight
    return mixed


def _colour(rgb: Floats) -> Colour:
    red, green, blue = (float(channel) for channel in np.clip(rgb, 0, 255))
    return red, green, blue
