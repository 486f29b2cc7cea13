"""Training of the recogniser with the ArcFace loss (arXiv 1801.07698)."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, mse_loss, normalize

from scripts.pocket.aligned_faces import FACE_PX, FACES_PER_PERSON
from scripts.pocket.arrays import Picture
from scripts.pocket.networks import EMBEDDING_WIDTH, Recogniser
from scripts.pocket.person import identity_vector, person_from_seed
from scripts.pocket.retouch import blurred, moved, noisy, relit, resized, turn
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)
from scripts.pocket.workers import rank

_BATCH = 64
_SCALE = 32.0
_ARCFACE_WEIGHT = 0.1  # beside the identity read off, whose loss starts at 1
_MARGIN = 0.35
_MARGIN_STEPS = 1500  # the margin grows from zero, or the loss does not start to fall


class RecogniserWithPersons(nn.Module):
    """The recogniser with what is thrown away afterwards.

    That is one direction per trained person, for ArcFace, and a linear reading of the parameters
    that the person was drawn from, which teaches far faster than names while training is short.
    """

    def __init__(self, persons: int, identity_width: int) -> None:
        super().__init__()
        self.recogniser = Recogniser()
        self.read_identity = nn.Linear(EMBEDDING_WIDTH, identity_width)
        self.persons = nn.Parameter(torch.randn(persons, EMBEDDING_WIDTH) * 0.05)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cosine with each person [rows, persons], and the identity read off."""
        embeddings = self.recogniser(faces)
        cosines = linear(normalize(embeddings), normalize(self.persons))
        return cosines, self.read_identity(embeddings)


def train_recogniser(faces: Picture, options: RunOptions, seed: int = 0) -> None:
    """Train on faces [persons, 6, 112, 112, 3] for the time that the options allow."""
    device = training_device()
    identities = np.stack([identity_vector(person_from_seed(p)) for p in range(len(faces))])
    network = on_training_device(RecogniserWithPersons(*identities.shape))
    run = TrainingRun(network, options)
    rng = np.random.default_rng([seed, run.step, rank()])
    for step in run.steps():
        persons = rng.integers(len(faces), size=_BATCH)
        batch = np.stack([disturb(faces[p, rng.integers(FACES_PER_PERSON)], rng) for p in persons])
        labels = torch.from_numpy(persons).to(device)
        inputs = recogniser_input(batch).to(device, memory_format=torch.channels_last)
        cosines, read = network(inputs)
        wrong = mse_loss(read, torch.from_numpy(identities[persons]).to(device))
        margin = _MARGIN * min(1.0, step / _MARGIN_STEPS)
        run.update(_ARCFACE_WEIGHT * arcface_loss(cosines, labels, margin) + wrong)


def arcface_loss(cosines: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the loss for cosines [rows, persons]; the right person's angle is made larger."""
    angles = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
    right = torch.zeros_like(cosines).scatter_(1, labels[:, None], 1.0)
    with_margin = torch.cos((angles + margin * right).clamp(max=torch.pi))
    return cross_entropy(_SCALE * with_margin, labels)


def recogniser_input(faces: Picture) -> Tensor:
    """Turn uint8 RGB faces [rows, 112, 112, 3] into the recogniser's input."""
    return (torch.from_numpy(faces).permute(0, 3, 1, 2).float() - 127.5) / 127.5


def disturb(face: Picture, rng: np.random.Generator) -> Picture:
    """Return a face as an inexact detector and a generated picture would give it."""
    matrix = turn((FACE_PX / 2, FACE_PX / 2), rng.normal(0, 3.5), 1 + rng.normal(0, 0.05))
    matrix[:, 2] += rng.normal(0, 2.0, 2)
    changed = moved(np.asarray(face), matrix, FACE_PX, fill=None)
    choice = rng.random()
    if choice < 0.25:
        changed = blurred(changed, rng.uniform(0.5, 1.6))
    elif choice < 0.4:
        changed = resized(resized(changed, int(FACE_PX * rng.uniform(0.4, 0.9))), FACE_PX)
    if rng.random() < 0.3:
        changed = noisy(changed, rng, 4.0, FACE_PX // 4)
    return relit(changed, 1 + rng.normal(0, 0.06), rng.normal(0, 5))
