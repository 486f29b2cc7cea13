"""Training of the person reader: two drawings of a person side by side, among other persons."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from scripts.judge.disturbance import disturbed, misplaced
from scripts.judge.face_crops import crop_face
from scripts.judge.networks import PERSON_WIDTH, PersonReader
from scripts.pocket.arrays import Picture
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, Drawings
from scripts.pocket.person import identity_vector, person_from_seed
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)

_PERSONS = 32  # in a batch, each in two drawings
_SCALE = 16.0
_MARGIN = 0.1  # by which the right person's cosine has to be ahead
_NAMES_WEIGHT = 0.5  # beside the identity read off, whose loss starts at 1


class PersonReaderWithIdentity(nn.Module):
    """The person reader with what is thrown away afterwards.

    That is a linear reading of the numbers that the person was drawn from: they say at once what
    telling persons apart says only after many batches.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reader = PersonReader()
        self.read_identity = nn.Linear(PERSON_WIDTH, len(identity_vector(person_from_seed(0))))
        nn.init.normal_(self.read_identity.weight)  # descriptions have unit length

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the descriptions [rows, 160], and the identity read off."""
        descriptions = self.reader(faces)
        return descriptions, self.read_identity(descriptions)


def train_person_reader(drawings: Drawings, options: RunOptions, seed: int) -> None:
    """Train for the time that the options allow."""
    torch.manual_seed(seed)
    device = training_device()
    persons = len(drawings.pictures) // PORTRAITS_PER_PERSON
    identities = np.stack([identity_vector(person_from_seed(p)) for p in range(persons)])
    network = on_training_device(PersonReaderWithIdentity())
    run = TrainingRun(network, options)
    rng = np.random.default_rng([seed, run.step])
    for _ in run.steps():
        batch = rng.choice(persons, _PERSONS, replace=False)
        pairs = [rng.choice(PORTRAITS_PER_PERSON, 2, replace=False) for _ in batch]
        rows = (batch[:, None] * PORTRAITS_PER_PERSON + np.stack(pairs)).T.ravel()
        faces = np.stack([_face(drawings, int(row), rng) for row in rows])
        inputs = network_input(faces).to(device, memory_format=torch.channels_last)
        descriptions, read = network(inputs)
        truth = torch.from_numpy(identities[np.tile(batch, 2)]).to(device)
        run.update(_NAMES_WEIGHT * pair_loss(*descriptions.chunk(2)) + mse_loss(read, truth))


def pair_loss(first: Tensor, second: Tensor) -> Tensor:
    """Return the loss of descriptions [persons, width] of two drawings of the same persons."""
    ahead = _MARGIN * torch.eye(len(first), device=first.device)
    cosines = _SCALE * (first @ second.T - ahead)
    right = torch.arange(len(first), device=first.device)
    return (cross_entropy(cosines, right) + cross_entropy(cosines.T, right)) / 2


def network_input(pictures: Picture) -> Tensor:
    """Turn uint8 RGB pictures [rows, h, w, 3] into [rows, 3, h, w] in [-1, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def _face(drawings: Drawings, row: int, rng: np.random.Generator) -> Picture:
    face = crop_face(drawings.pictures[row], misplaced(drawings.keypoints[row], rng))
    return disturbed(face, rng)
