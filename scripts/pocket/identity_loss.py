"""The identity loss: how far a predicted picture is from the person, as the recogniser sees it."""

import numpy as np
import torch
from insightface.utils.face_align import estimate_norm
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cosine_similarity, grid_sample

from scripts.pocket.aligned_faces import FACE_PX
from scripts.pocket.arrays import Floats
from scripts.pocket.networks import Recogniser


class IdentityLoss(nn.Module):
    """The frozen recogniser; gradients pass through it to the pictures.

    A mean square error spreads over the whole picture, but a face is told from another by a few
    cells of it. PuLID (arXiv 2404.16022, section 3.2) adds such a loss for the same reason.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        super().__init__()
        self.recogniser = recogniser
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor, keypoints: Floats, persons: Tensor) -> Tensor:
        """Return 1 - cosine [rows] of the faces in pictures and of embeddings [rows, 512].

        Pictures are square [rows, 3, s, s] in [-1, 1], keypoints [rows, 5, 2] pixels in them.
        """
        return 1 - cosine_similarity(self.embed(pictures, keypoints), persons)

    def embed(self, pictures: Tensor, keypoints: Floats) -> Tensor:
        """Return raw embeddings [rows, 512] of the faces at these keypoints."""
        embeddings: Tensor = self.recogniser(aligned(pictures, keypoints))
        return embeddings


def aligned(pictures: Tensor, keypoints: Floats) -> Tensor:
    """Return faces [rows, 3, 112, 112] of pictures [rows, 3, s, s], both in [-1, 1].

    The same turn and scale as `aligned_faces.align`, but gradients pass through it.
    """
    inverse = np.stack([_to_picture(points, pictures.shape[-1]) for points in keypoints])
    theta = torch.from_numpy(inverse).to(pictures)
    shape = [len(pictures), 3, FACE_PX, FACE_PX]
    grid = affine_grid(theta, shape, align_corners=True)
    return grid_sample(pictures, grid, padding_mode="border", align_corners=True)


def person_directions(embeddings: Floats) -> Floats:
    """Return one unit embedding [persons, 512] for several of each person [persons, k, 512]."""
    units = embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True)
    means = units.mean(1)
    directions: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
    return directions


def _to_picture(keypoints: Floats, size_px: int) -> Floats:
    """Return the map [2, 3] from places in the face to those in the picture, both in -1..1."""
    matrix = np.vstack([estimate_norm(keypoints, FACE_PX), [0, 0, 1]])
    pixels = np.linalg.inv(matrix) @ _from_unit(FACE_PX)
    unit: Floats = (np.linalg.inv(_from_unit(size_px)) @ pixels)[:2].astype(np.float32)
    return unit


def _from_unit(size_px: int) -> Floats:
    """Return the map from -1..1 to the middles of the first and the last pixel."""
    half = (size_px - 1) / 2
    return np.array([[half, 0, half], [0, half, half], [0, 0, 1.0]])
