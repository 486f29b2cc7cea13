"""Training of the detector: which cells hold a face, and where box and keypoints lie from there."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.detector_scenes import FacePicture, random_face_picture
from scripts.pocket.drawings import Drawings
from scripts.pocket.networks import Detector
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)
from scripts.render_profiles import DETECTION_SIZE_PX

_BATCH = 16
_LEVEL_LIMITS = (0.0, 48.0, 150.0, 1e9)  # face sizes in pixels that strides 8, 16, 32 answer for
_NEIGHBOUR = 1.15  # a face this near another stride's sizes may be answered by that one too
_POSITIVE_REACH = 0.12  # cells this near the face's middle, in face sizes, must answer
_IGNORED_REACH = 0.3  # cells up to here may answer
_BOX_WEIGHT = 0.5
_POINT_WEIGHT = 8.0


def train_detector(drawings: Drawings, options: RunOptions, seed: int = 0) -> None:
    """Train the detector for the time that the options allow."""
    device = training_device()
    detector = on_training_device(Detector())
    run = TrainingRun(detector, options)
    rng = np.random.default_rng([seed, run.step])
    for _ in run.steps():
        batch = [random_face_picture(drawings, rng) for _ in range(_BATCH)]
        images = detector_input(np.stack([item.picture for item in batch]))
        outputs = detector(images.to(device, memory_format=torch.channels_last))
        run.update(detection_loss(outputs, batch))


def detector_input(pictures: Picture) -> Tensor:
    """Turn uint8 RGB pictures [rows, h, w, 3] into the detector's input."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 127.5) / 128


def detection_loss(outputs: tuple[Tensor, ...], batch: list[FacePicture]) -> Tensor:
    """Return the loss of the nine outputs against the truth of each picture."""
    scores, boxes, points = outputs[:3], outputs[3:6], outputs[6:]
    total = torch.zeros((), device=scores[0].device)
    for level, stride in enumerate(Detector.STRIDES):
        targets = [anchor_targets(item, level, stride) for item in batch]
        wanted = torch.from_numpy(np.stack([t[0] for t in targets])).to(total.device)
        wanted_boxes = torch.from_numpy(np.stack([t[1] for t in targets])).to(total.device)
        wanted_points = torch.from_numpy(np.stack([t[2] for t in targets])).to(total.device)
        total = total + _focal(scores[level].squeeze(2), wanted) / len(batch)
        here = wanted == 1
        if here.any():
            total = total + _BOX_WEIGHT * smooth_l1_loss(boxes[level][here], wanted_boxes[here])
            total = total + _POINT_WEIGHT * smooth_l1_loss(
                points[level][here], wanted_points[here], beta=0.1
            )
    return total


def _focal(scores: Tensor, wanted: Tensor) -> Tensor:
    """Return the summed focal loss; wanted is 1, 0, or -1 where either answer is right."""
    scores = scores.clamp(1e-5, 1 - 1e-5)
    hit = -((1 - scores) ** 2) * scores.log() * (wanted == 1)
    miss = -(scores**2) * (1 - scores).log() * (wanted == 0)
    return (hit + miss).sum() / 4


def anchor_targets(item: FacePicture, level: int, stride: int) -> tuple[Floats, Floats, Floats]:
    """Return wanted scores [anchors], distances [anchors, 4] and offsets [anchors, 10]."""
    cells = DETECTION_SIZE_PX // stride
    y, x = np.mgrid[:cells, :cells].astype(np.float32) * stride
    centres = np.stack([x.ravel(), y.ravel()], 1)
    wanted = np.zeros(len(centres), np.float32)
    distances = np.zeros((len(centres), 4), np.float32)
    offsets = np.zeros((len(centres), 10), np.float32)
    for box, keypoints in zip(item.boxes, item.keypoints, strict=True):
        size = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
        middle = (box[:2] + box[2:]) / 2
        away = np.abs(centres - middle).max(1)
        smallest, largest = _LEVEL_LIMITS[level : level + 2]
        if smallest / _NEIGHBOUR <= size < largest * _NEIGHBOUR:
            wanted[(away < _IGNORED_REACH * size) & (wanted == 0)] = -1
        if not smallest <= size < largest:
            continue
        near = away < max(_POSITIVE_REACH * size, 0.55 * stride)
        wanted[near] = 1
        distances[near] = np.concatenate([centres - box[:2], box[2:] - centres], 1)[near] / stride
        offsets[near] = (keypoints[None] - centres[:, None]).reshape(-1, 10)[near] / stride
    repeated = (
        np.repeat(array, Detector.ANCHORS, axis=0) for array in (wanted, distances, offsets)
    )
    scores, boxes, points = repeated
    return scores, boxes, points
