"""What callers ask for: the mixtures that serving papers and benchmarks use, at our weights' size.

Sides and steps are shares of those of the headline workload, InstantID's own 1024 x 1024 pixels and
30 steps, so that a repository of any size can be loaded in proportion.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.reports import ROOT

PORTRAITS = tuple(sorted((ROOT / "tests" / "data").glob("portrait_*.png")))
_SIDE_STEP_PX = 8  # the VAE's factor: sides are multiples of it
# Words the pocket weights know. The text encoder caches prompts, so there are many.
_STYLES = ("portrait", "comic portrait", "watercolor portrait", "pencil drawing")
_HAIR = ("short brown", "long blond", "curly black", "grey", "red")
_PLACES = ("in the city", "in a garden", "at the beach", "in the mountains", "at night")


@dataclass(frozen=True)
class Scale:
    """The headline workload on the repository under test."""

    side_px: int = 128
    steps: int = 20


DEFAULT_SCALE = Scale()


@dataclass(frozen=True)
class Kind:
    """One kind of request, as shares of the headline's."""

    weight: float = 1.0
    width: float = 1.0
    height: float = 1.0
    steps: float = 1.0
    guidance_scale: float = 5.0
    ip_adapter_scale: float = 0.8
    control_guidance_end: float = 1.0  # 0: IdentityNet takes no part


@dataclass(frozen=True)
class Workload:
    """A mixture of kinds."""

    kinds: tuple[Kind, ...]


_STEPS_OF_MIXED = (20 / 30, 1.0, 50 / 30)
WORKLOADS = {
    "headline": Workload((Kind(),)),
    # MLPerf's SDXL: 20 steps at guidance 8, no face.
    "plain": Workload(
        (Kind(steps=20 / 30, guidance_scale=8.0, ip_adapter_scale=0.0, control_guidance_end=0.0),)
    ),
    # Katz: SDXL with one ControlNet and 50 steps.
    "control": Workload((Kind(steps=50 / 30, ip_adapter_scale=0.0),)),
    "mixed": Workload(
        tuple(
            Kind(weight=weight / len(_STEPS_OF_MIXED), width=width, height=height, steps=steps)
            for weight, width, height in (
                (0.7, 1.0, 1.0),
                (0.2, 832 / 1024, 1216 / 1024),
                (0.1, 0.75, 0.75),
            )
            for steps in _STEPS_OF_MIXED
        )
    ),
    # The published demo's default of 1280 x 1280.
    "large": Workload((Kind(width=1.25, height=1.25),)),
}


class Requests:
    """An endless row of requests of one workload, the same for the same seed."""

    def __init__(self, workload: Workload, scale: Scale, seed: int) -> None:
        self._workload = workload
        self._scale = scale
        self._random = random.Random(seed)
        self._photos = [path.read_bytes() for path in PORTRAITS]

    def draw(self) -> dict[str, NDArray[Any]]:
        """Return the tensors of the next request, as the public models take them."""
        kinds = self._workload.kinds
        (kind,) = self._random.choices(kinds, [kind.weight for kind in kinds])
        prompt = (
            f"a {self._random.choice(_STYLES)} of a person with "
            f"{self._random.choice(_HAIR)} hair, {self._random.choice(_PLACES)}"
        )
        return {
            "prompt": _text(prompt.encode()),
            "face_image": _text(self._random.choice(self._photos)),
            "seed": np.array([self._random.getrandbits(31)], np.int64),
            **options_of(kind, self._scale),
        }


def options_of(kind: Kind, scale: Scale) -> Mapping[str, NDArray[Any]]:
    """Return the tensors in which requests of one kind are alike."""
    return {
        "width": np.array([_side(kind.width, scale)], np.int32),
        "height": np.array([_side(kind.height, scale)], np.int32),
        "num_inference_steps": np.array([max(1, round(kind.steps * scale.steps))], np.int32),
        "guidance_scale": np.array([kind.guidance_scale], np.float32),
        "ip_adapter_scale": np.array([kind.ip_adapter_scale], np.float32),
        "control_guidance_end": np.array([kind.control_guidance_end], np.float32),
    }


def _side(share: float, scale: Scale) -> int:
    return round(share * scale.side_px / _SIDE_STEP_PX) * _SIDE_STEP_PX


def _text(value: bytes) -> NDArray[np.object_]:
    return np.array([value], dtype=np.object_)
