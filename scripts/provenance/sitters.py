"""Sitters: unseen persons who have their pictures made from keyed noise, as a server makes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from instantid_server.images import RGB
from instantid_server.noise import NoiseSource
from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.known_keys import NOISE_KEY, known_mark
from scripts.pocket.arrays import Picture
from scripts.pocket.captions import full_caption
from scripts.pocket.check import best_face
from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.export import Networks
from scripts.pocket.generation import Conditions, GenerationOptions, denoise, encode_conditions
from scripts.pocket.networks import LATENT_CHANNELS, LATENT_SIZE
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.served import served_networks

LATENTS_SHAPE = (LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
SOURCE = NoiseSource(NOISE_KEY)


@dataclass(frozen=True)
class Sitters:
    """The face of one drawing of each person, to be shown in the scene and pose of another."""

    networks: Networks
    conditions: Conditions
    drawings: list[RGB]  # of the same persons, and by no network

    @classmethod
    def invite(cls, repository: Path, persons: int) -> "Sitters":
        """Return so many; a person's number is also the seed of the pictures."""
        networks, prompts = served_networks(repository)
        faces = load_face_analysis(repository)
        seeds = range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + persons)
        references = [drawing_of(seed, 0).picture for seed in seeds]
        conditions = encode_conditions(
            networks,
            prompts,
            [full_caption(scene_of(seed, 1)) for seed in seeds],
            np.nan_to_num(np.stack([best_face(faces, picture)[0] for picture in references])),
            np.stack([drawing_of(seed, 1).keypoints for seed in seeds]),
        )
        return cls(networks, conditions, references)

    def __len__(self) -> int:
        """Return how many persons there are."""
        return len(self.drawings)

    def draw(self, options: GenerationOptions) -> Picture:
        """Return a picture of each [n, 128, 128, 3], without the pixel mark."""
        drawn = [SOURCE.draw(seed, LATENTS_SHAPE) for seed in range(len(self))]
        noise = torch.stack([noise for noise, _ in drawn])
        generators = [generator for _, generator in drawn]
        return denoise(self.networks, self.conditions, noise, generators, options)


def marked(pictures: Picture) -> Picture:
    """Return the pictures with the pixel mark of a server, each with a record id of its own."""
    mark = known_mark()
    return np.stack([mark.embed(picture, f"{seed:032x}") for seed, picture in enumerate(pictures)])
