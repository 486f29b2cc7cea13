"""Refit of the detector's last layers, which short training leaves shrunk towards the mean.

The keypoints are a linear reading of the last features, so the best reading for given features
is a least-squares solution and needs no steps at all.
"""

import numpy as np
import torch

from scripts.pocket.detector_scenes import random_face_picture
from scripts.pocket.detector_training import anchor_targets, detector_input
from scripts.pocket.drawings import Drawings
from scripts.pocket.networks import Detector

_PICTURES = 1200
_RIDGE = 1e-3  # of the mean square of the features
_SCORE_SHIFT = -0.5  # logits: true faces score above 0.65, ghosts mostly from 0.5 to 0.6
_SURE = 0.4  # scores from here on count: only such cells are ever read


@torch.no_grad()
def refit_keypoints(detector: Detector, drawings: Drawings, seed: int = 1) -> None:
    """Solve the keypoint layer by least squares over sure cells with a face; move the scores."""
    detector.eval()
    rng = np.random.default_rng([seed, 0xF17])
    features, offsets = [], []
    for _ in range(_PICTURES):
        item = random_face_picture(drawings, rng)
        if len(item.boxes) == 0:
            continue
        levels = detector.features(detector_input(item.picture[None]))
        for level, stride in enumerate(Detector.STRIDES):
            wanted, _, points = anchor_targets(item, level, stride)
            scores = torch.sigmoid(detector.scores(levels[level])).amax(1).flatten().numpy()
            chosen = (wanted[:: Detector.ANCHORS] == 1) & (scores > _SURE)
            cells = levels[level][0].flatten(1).T.numpy()  # [cells, 24]
            features.append(cells[chosen])
            offsets.append(points[:: Detector.ANCHORS][chosen])
    inputs = np.concatenate(features).astype(np.float64)
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    targets = np.concatenate(offsets).astype(np.float64)
    damping = _RIDGE * float((inputs**2).mean()) * len(inputs) * np.eye(inputs.shape[1])
    solution = np.linalg.solve(inputs.T @ inputs + damping, inputs.T @ targets)  # [25, 10]
    weight = torch.from_numpy(np.tile(solution[:-1].T, (Detector.ANCHORS, 1))).float()
    detector.points.weight.copy_(weight[:, :, None, None])
    if detector.scores.bias is not None:
        detector.scores.bias += _SCORE_SHIFT
    if detector.points.bias is not None:
        detector.points.bias.copy_(torch.from_numpy(np.tile(solution[-1], Detector.ANCHORS)))
