"""The identity loss sees the face that the server would see, and can be followed downhill."""

import numpy as np
import pytest
import torch

from scripts.pocket.adapter_training import FACE_CELLS, face_corners
from scripts.pocket.aligned_faces import align
from scripts.pocket.diffusion import alphas_cumprod, denoised, noised
from scripts.pocket.drawings import drawing_of
from scripts.pocket.identity_loss import IdentityLoss, aligned, person_directions
from scripts.pocket.networks import Recogniser


def test_faces_are_aligned_as_the_recogniser_is_served_them() -> None:
    portraits = [drawing_of(person, 0) for person in range(3)]
    keypoints = np.stack([portrait.keypoints for portrait in portraits])
    faces = aligned(_inputs([portrait.picture for portrait in portraits]), keypoints)
    served = _inputs([align(one.picture, one.keypoints) for one in portraits])
    inside = (..., slice(20, 90), slice(20, 90))  # outside, the borders are filled in two ways
    assert (faces[inside] - served[inside]).abs().max() < 8 / 127.5  # two ways to interpolate


def test_a_step_against_its_gradient_brings_a_picture_nearer_to_the_person() -> None:
    torch.manual_seed(0)
    portrait = drawing_of(1, 0)
    loss = IdentityLoss(Recogniser())
    pictures = _inputs([portrait.picture]).requires_grad_()
    person = torch.randn(1, 512)
    before = loss(pictures, portrait.keypoints[None], person)
    before.sum().backward()
    assert pictures.grad is not None
    nearer = pictures.detach() - 1e-2 * pictures.grad / pictures.grad.norm()
    assert loss(nearer, portrait.keypoints[None], person) < before


def test_the_cells_that_are_decoded_hold_the_face() -> None:
    keypoints = np.stack([drawing_of(person, 0).keypoints for person in range(40)])
    inside = keypoints - 8 * face_corners(keypoints)[:, None]
    assert inside.min() > 8
    assert inside.max() < 8 * (FACE_CELLS - 1)


def test_a_face_is_aligned_the_same_in_a_cut_out_of_its_picture() -> None:
    portrait = drawing_of(2, 0)
    whole, keypoints = _inputs([portrait.picture]), portrait.keypoints[None]
    left, top = 8 * face_corners(keypoints)[0]
    side = 8 * FACE_CELLS
    cut = whole[..., top : top + side, left : left + side]
    faces = aligned(whole, keypoints), aligned(cut, (keypoints - [left, top]).astype(np.float32))
    inside = (..., slice(25, 90), slice(20, 90))  # what lies beyond the cut is its border, repeated
    assert (faces[0][inside] - faces[1][inside]).abs().max() < 0.02


def test_a_person_is_the_direction_in_the_middle_of_its_embeddings() -> None:
    embeddings = np.array([[[3.0, 0.0], [0.0, 5.0]]], np.float32)
    assert person_directions(embeddings) == pytest.approx(np.full((1, 2), 0.5**0.5))


def test_the_right_velocity_brings_back_the_latents() -> None:
    alphas, timesteps = alphas_cumprod(), torch.tensor([10, 500, 900])
    latents = torch.randn(3, 12, 16, 16)
    noisy, velocity = noised(latents, timesteps, alphas)
    assert torch.allclose(denoised(noisy, velocity, timesteps, alphas), latents, atol=1e-4)


def _inputs(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
