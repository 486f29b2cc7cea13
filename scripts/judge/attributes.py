"""Attributes: what the judge reads from a picture beside the face, each one of a few choices."""

import numpy as np
from numpy.typing import NDArray

from scripts.pocket.scene import (
    ACCESSORIES,
    ART_STYLES,
    BACKGROUNDS,
    EXPRESSIONS,
    GARMENT_COLOURS,
    GARMENTS,
    HAIR_COLOURS,
    HAIR_STYLES,
    LIGHTS,
    NO_HAIR,
    Scene,
)

ATTRIBUTES: dict[str, tuple[str, ...]] = {  # a scene's field and its choices
    "hair_style": HAIR_STYLES,
    "hair_colour": tuple(HAIR_COLOURS),
    "garment": GARMENTS,
    "garment_colour": tuple(GARMENT_COLOURS),
    "background": BACKGROUNDS,
    "accessory": ACCESSORIES,
    "expression": EXPRESSIONS,
    "light": LIGHTS,
    "art_style": ART_STYLES,
}
UNDEFINED = -100  # what torch's cross-entropy leaves out


def choices_of(scene: Scene) -> NDArray[np.int64]:
    """Return the number of each attribute's choice [9]; a bald head's hair has no colour."""
    numbers = [choices.index(getattr(scene, name)) for name, choices in ATTRIBUTES.items()]
    if scene.hair_style == NO_HAIR:
        numbers[list(ATTRIBUTES).index("hair_colour")] = UNDEFINED
    return np.array(numbers, np.int64)
