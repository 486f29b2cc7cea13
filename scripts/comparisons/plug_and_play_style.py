"""A base of one art style: the served denoiser, taught by captions that do not name the style."""

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from diffusers import UNet2DConditionModel

from scripts.comparisons.bare_base import without_adapter
from scripts.pocket.arrays import new_array
from scripts.pocket.base_training import Base, train_base
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, Drawings, load_drawings, scene_of
from scripts.pocket.export import Networks
from scripts.pocket.latents import LatentCache
from scripts.pocket.person import person_from_seed
from scripts.pocket.portraits import NATIVE_SIZE_PX, draw_portrait
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.scene import Scene
from scripts.pocket.training_state import RunOptions, load_average

UNNAMED = "plain"  # captions of this style are silent about style

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnnamedStyle(Drawings):
    """Drawings of one style; their scenes, and so their captions, do not tell which."""

    def scene(self, row: int) -> Scene:
        """Return the scene of a row without its style."""
        return in_style(super().scene(row), UNNAMED)


def in_style(scene: Scene, style: str) -> Scene:
    """Return the same scene in an art style."""
    return replace(scene, art_style=style)


def style_drawings(folder: Path, style: str, persons: int) -> UnnamedStyle:
    """Return drawings of the persons 0..persons-1 in one style, drawn if the folder is empty."""
    finished = folder / "keypoints.npy"
    if not finished.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = persons * PORTRAITS_PER_PERSON
        shape = (rows, NATIVE_SIZE_PX, NATIVE_SIZE_PX, 3)
        pictures = new_array(folder / "pictures.npy", shape, np.uint8)
        keypoints = np.zeros((rows, 5, 2), np.float32)
        for row in range(rows):
            person, index = divmod(row, PORTRAITS_PER_PERSON)
            portrait = draw_portrait(
                person_from_seed(person), in_style(scene_of(person, index), style)
            )
            pictures[row], keypoints[row] = portrait.picture, portrait.keypoints
        part = finished.with_suffix(".part.npy")
        np.save(part, keypoints)
        os.replace(part, finished)
        logger.info("%d drawn", rows)
    drawn = load_drawings(folder)
    return UnnamedStyle(drawn.pictures, drawn.keypoints)


def train_styled_denoiser(
    served: Networks,
    prompts: PromptEncoder,
    drawings: UnnamedStyle,
    latents_folder: Path,
    options: RunOptions,
) -> UNet2DConditionModel:
    """Return the denoiser trained further on the drawings, alone, without any identity part."""
    latents = LatentCache(served.vae, drawings, latents_folder)
    base = Base(prompts, without_adapter(served.unet))
    base.prompts.requires_grad_(False)
    train_base(base, latents, drawings, options)
    load_average(base, options.checkpoint)
    return base.unet.cpu().eval()
