"""Cases: whom to draw in which scene, from which noise, with the identity dials where."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count

from instantid_server.contract import (
    DEFAULT_CONTROLNET_CONDITIONING_SCALE,
    DEFAULT_IP_ADAPTER_SCALE,
)
from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.person import FIRST_UNSEEN_SEED, person_from_seed
from scripts.pocket.portraits import Portrait, draw_portrait
from scripts.pocket.scene import Scene

# What a prompt must change, for a copied reference would otherwise look like a kept identity.
_CHANGED = ("hair_style", "garment", "background", "art_style")


@dataclass(frozen=True)
class Dials:
    """The strengths of both ways in which a face steers the picture, by default as users get."""

    ip_adapter_scale: float = DEFAULT_IP_ADAPTER_SCALE
    controlnet_conditioning_scale: float = DEFAULT_CONTROLNET_CONDITIONING_SCALE


DEFAULT_DIALS = Dials()


@dataclass(frozen=True)
class Case:
    """One picture to ask for: a person's face in a scene, which gives prompt and keypoints."""

    person: int
    scene: Scene
    seed: int
    dials: Dials = DEFAULT_DIALS

    @property
    def reference(self) -> Portrait:
        """The drawing that the server gets to know the person by."""
        return _reference(self.person)

    @property
    def truth(self) -> Portrait:
        """The drawing that the picture should equal: no server can do better."""
        return _truth(self.person, self.scene)


def unseen_persons(number: int) -> range:
    """Return the first so many persons that no weights were trained on."""
    return range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + number)


def changed_scene(person: int) -> Scene:
    """Return the person's first scene with other hair, clothes, place and art than the reference's.

    The pose is another one too.
    """
    reference = scene_of(person, 0)
    scenes = (scene_of(person, index) for index in count(1))
    return next(scene for scene in scenes if _is_changed(scene, reference))


def cases_of(persons: Iterable[int], seed: int, dials: Dials = DEFAULT_DIALS) -> list[Case]:
    """Return a case of each person, in the changed scene."""
    return [Case(person, changed_scene(person), seed, dials) for person in persons]


def _is_changed(scene: Scene, reference: Scene) -> bool:
    return all(getattr(scene, name) != getattr(reference, name) for name in _CHANGED)


@cache
def _reference(person: int) -> Portrait:
    return drawing_of(person, 0)


@cache
def _truth(person: int, scene: Scene) -> Portrait:
    return draw_portrait(person_from_seed(person), scene)
