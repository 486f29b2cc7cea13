"""A scene: everything about a portrait that the caption or the keypoints say."""

from dataclasses import dataclass

import numpy as np

from scripts.pocket.person import Colour

HAIR_STYLES = ("short", "long", "curly", "spiky", "bob", "bun", "braided", "no")
HAIR_COLOURS: dict[str, Colour] = {
    "black": (38, 34, 40),
    "brown": (108, 66, 38),
    "blond": (232, 196, 104),
    "red": (188, 66, 30),
    "grey": (150, 150, 156),
    "white": (240, 238, 232),
    "blue": (58, 98, 204),
    "pink": (238, 122, 176),
    "green": (58, 152, 84),
    "purple": (128, 70, 172),
}
GARMENTS = ("t-shirt", "coat", "suit", "hoodie", "sweater", "dress")
GARMENT_COLOURS: dict[str, Colour] = {
    "red": (206, 52, 48),
    "green": (52, 142, 82),
    "blue": (54, 92, 192),
    "yellow": (242, 202, 62),
    "black": (46, 46, 54),
    "white": (244, 244, 242),
    "purple": (126, 74, 168),
    "orange": (240, 136, 48),
    "pink": (240, 138, 172),
    "brown": (124, 84, 54),
}
BACKGROUNDS = (
    "studio",
    "beach",
    "forest",
    "city",
    "mountains",
    "library",
    "space",
    "snow",
    "desert",
    "garden",
)
ACCESSORIES = ("none", "glasses", "hat", "crown", "headphones", "earrings", "scarf")
EXPRESSIONS = ("neutral", "smiling", "laughing", "sad", "surprised", "angry")
LIGHTS = ("daylight", "warm", "cold", "dim", "dramatic")
ART_STYLES = ("plain", "watercolor", "comic", "pencil", "oil", "pastel")

NO_HAIR = "no"

# What no caption names comes in few variants: a short training learns each, and none of a thousand.
VARIATIONS = 4


@dataclass(frozen=True)
class Pose:
    """Where the head is and how it turns; angles in radians, places as shares of the picture."""

    yaw: float  # positive turns to the image's right
    pitch: float  # positive looks down
    roll: float  # positive leans to the image's right
    size: float  # half the head's height
    centre_x: float
    centre_y: float


@dataclass(frozen=True)
class Scene:
    """One choice for every attribute, and the pose."""

    hair_style: str
    hair_colour: str
    garment: str
    garment_colour: str
    background: str
    accessory: str
    expression: str
    light: str
    art_style: str
    pose: Pose
    variation: int  # moves what no caption names: clouds, trees, stars


FRONTAL = Pose(0.0, 0.0, 0.0, 0.30, 0.5, 0.47)


def random_pose(rng: np.random.Generator) -> Pose:
    """Draw a pose whose whole face stays inside the picture."""
    size = rng.uniform(0.3, 0.38)
    room = 0.5 - size * 1.02  # the face may touch the border, not cross it
    return Pose(
        yaw=float(np.clip(rng.normal(0, 0.26), -0.52, 0.52)),
        pitch=float(np.clip(rng.normal(0, 0.15), -0.32, 0.32)),
        roll=float(np.clip(rng.normal(0, 0.14), -0.38, 0.38)),
        size=size,
        centre_x=0.5 + rng.uniform(-1, 1) * min(room, 0.14),
        centre_y=0.48 + rng.uniform(-1, 1) * min(room, 0.09),
    )


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw every attribute evenly, but for the few that most pictures lack."""
    return Scene(
        hair_style=_pick(rng, HAIR_STYLES),
        hair_colour=_pick(rng, tuple(HAIR_COLOURS)),
        garment=_pick(rng, GARMENTS),
        garment_colour=_pick(rng, tuple(GARMENT_COLOURS)),
        background=_pick(rng, BACKGROUNDS),
        accessory="none" if rng.random() < 0.3 else _pick(rng, ACCESSORIES[1:]),
        expression=_pick(rng, EXPRESSIONS),
        light="daylight" if rng.random() < 0.25 else _pick(rng, LIGHTS),
        art_style="plain" if rng.random() < 0.2 else _pick(rng, ART_STYLES),
        pose=random_pose(rng),
        variation=int(rng.integers(VARIATIONS)),
    )


def _pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]
