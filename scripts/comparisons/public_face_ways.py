"""Ways to a public face: embeddings of nobody, made of those of private persons."""

from dataclasses import dataclass

import numpy as np

from scripts.pocket.arrays import Floats


@dataclass(frozen=True)
class Way:
    """The mean of so many persons, turned by an angle towards nobody in particular."""

    name: str
    sources: int = 1
    angle_degrees: float = 0.0

    def embedding(self, sources: Floats, crowd: Floats, rng: np.random.Generator) -> Floats:
        """Return an embedding [512], as long as those of the sources [sources, 512] are.

        It is turned within what the crowd's embeddings [people, 512] span: a direction that no
        face has would leave it as it is to whoever draws it.
        """
        mean = unit(unit(sources).mean(0))
        angle = np.deg2rad(self.angle_degrees)
        turned = np.cos(angle) * mean + np.sin(angle) * _direction(mean, crowd, rng)
        length = np.linalg.norm(sources, axis=1).mean()
        return np.asarray(length * turned, np.float32)


PRIVATE = Way("private")  # what a public face is compared with
PUBLIC = (
    Way("mixed_2", sources=2),
    Way("mixed_3", sources=3),
    Way("mixed_5", sources=5),
    Way("turned_60", angle_degrees=60),
    Way("turned_90", angle_degrees=90),
    Way("opposite", angle_degrees=180),
)
# Nothing of the person is left in it, and it is as much a face as any: the one to take.
RECOMMENDED = "turned_90"


def unit(vectors: Floats) -> Floats:
    """Return vectors [..., width] at length 1."""
    shortened: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return shortened


def _direction(away_from: Floats, crowd: Floats, rng: np.random.Generator) -> Floats:
    """Return a unit vector at a right angle to another, spread as the crowd is."""
    people = unit(crowd)
    drawn = rng.standard_normal(len(people)) @ (people - people.mean(0))
    return unit(drawn - (drawn @ away_from) * away_from)
