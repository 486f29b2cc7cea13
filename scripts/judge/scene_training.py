"""Training of the scene reader: every attribute of a drawing, and where the keypoints are."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from scripts.judge.attributes import ATTRIBUTES, UNDEFINED, choices_of
from scripts.judge.disturbance import disturbed, shaken
from scripts.judge.networks import SceneReader, cell_centres, keypoints_of
from scripts.judge.person_training import network_input
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.drawings import Drawings
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)

_BATCH = 32
_SPREAD_PX = 4.0  # of the spot that a heat map should show
_HEAT_WEIGHT = 0.1
_DISTANCE_WEIGHT = 0.2  # for a pixel


def train_scene_reader(drawings: Drawings, options: RunOptions, seed: int) -> None:
    """Train for the time that the options allow."""
    torch.manual_seed(seed)
    device = training_device()
    network = on_training_device(SceneReader())
    run = TrainingRun(network, options)
    rng = np.random.default_rng([seed, run.step])
    for _ in run.steps():
        rows = [int(row) for row in rng.integers(len(drawings.pictures), size=_BATCH)]
        seen = [_look(drawings, row, rng) for row in rows]
        pictures = network_input(np.stack([picture for picture, _ in seen]))
        keypoints = torch.from_numpy(np.stack([points for _, points in seen])).to(device)
        choices = np.stack([choices_of(drawings.scene(row)) for row in rows])
        logits, heat = network.read(pictures.to(device, memory_format=torch.channels_last))
        wrong = choice_loss(logits, torch.from_numpy(choices).to(device))
        run.update(wrong + keypoint_loss(heat, keypoints))


def choice_loss(logits: Tensor, choices: Tensor) -> Tensor:
    """Return the mean loss of logits [rows, choices of all attributes] over the attributes."""
    widths = [len(names) for names in ATTRIBUTES.values()]
    losses = [
        cross_entropy(part, right, ignore_index=UNDEFINED, reduction="sum")
        for part, right in zip(logits.split(widths, 1), choices.unbind(1), strict=True)
    ]
    return torch.stack(losses).mean() / len(logits)


def keypoint_loss(heat: Tensor, keypoints: Tensor) -> Tensor:
    """Return the loss of heat maps [rows, 5, side, side] for keypoints [rows, 5, 2] in pixels."""
    centres = cell_centres(heat)
    away = (centres - keypoints[..., None]) / _SPREAD_PX  # [rows, 5, xy, side]
    across, down = (-(away**2) / 2).softmax(3).unbind(2)
    wanted = (down[..., :, None] * across[..., None, :]).flatten(2)
    spots = -(wanted * log_softmax(heat.flatten(2), 2)).sum(2).mean()
    distances = (keypoints_of(heat) - keypoints).abs().mean()
    return _HEAT_WEIGHT * spots + _DISTANCE_WEIGHT * distances


def _look(drawings: Drawings, row: int, rng: np.random.Generator) -> tuple[Picture, Floats]:
    picture, keypoints = shaken(drawings.pictures[row], drawings.keypoints[row], rng)
    return disturbed(picture, rng), keypoints
