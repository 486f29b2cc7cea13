"""The deep check: whether a picture was made from the noise of a record. It takes its time.

It is evidence and no proof: who inverts a published picture with a similar network has noise that
makes other pictures which pass.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from instantid_server.contract import MarkState
from instantid_server.images import RGB, decode_image
from instantid_server.noise import NoiseSource
from instantid_server.trust.inversion_networks import InversionNetworks
from instantid_server.trust.keys import VersionedKeys
from instantid_server.trust.noise_match import Likeness, judge, likeness
from instantid_server.trust.noise_traces import noise_traces
from instantid_server.trust.picture_record import PictureRecord


class Inverter(Protocol):
    """What estimates the noise of pictures: `InversionNetworks`."""

    @property
    def latent_channels(self) -> int:
        """How many the weights have."""
        ...

    def invert(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Return an estimate (rows, channels, h, w) for pictures (rows, height, width, 3)."""
        ...


@dataclass(frozen=True)
class DeepFinding:
    """What the noise says."""

    noise: MarkState
    record_ids: tuple[str, ...]  # where it is OURS; several, where they share tenant and seed
    compared: int  # records; those whose key or weights are not at hand are left out


class DeepCheck:
    """Inverts pictures and looks for the noise of records in them."""

    def __init__(self, inverter: Inverter, noise_keys: VersionedKeys) -> None:
        self._inverter = inverter
        self._keys = noise_keys.by_version

    @classmethod
    def load(
        cls, model_repository: Path, noise_keys: VersionedKeys, device: str = "cpu"
    ) -> "DeepCheck":
        """Load what an inversion needs; `device` is "cpu" or "cuda"."""
        return cls(InversionNetworks.load(model_repository, device), noise_keys)

    def check(self, encoded: bytes, records: Iterable[PictureRecord]) -> DeepFinding:
        """Compare a picture with records: those that its mark names, or all there are.

        Raises ImageUnreadable or ImageTooLarge.
        """
        image = decode_image(encoded, "picture")
        by_size: dict[tuple[int, int], list[PictureRecord]] = defaultdict(list)
        for record in records:
            if self._can_draw(record):
                by_size[record.width, record.height].append(record)
        likenesses: list[Likeness] = []
        best: dict[str, float] = {}
        for size, of_size in by_size.items():
            estimate = self._inverter.invert(resized(image, size)[None])[0]
            for record in of_size:
                found = [likeness(estimate, trace) for trace in self._traces(record)]
                likenesses += found
                best[record.record_id] = max(like.deviations for like in found)
        state = judge(likenesses)
        named = _highest(best) if state is MarkState.OURS else ()
        return DeepFinding(state, named, len(best))

    def _can_draw(self, record: PictureRecord) -> bool:
        of_these_weights = record.latent_channels == self._inverter.latent_channels
        return of_these_weights and record.noise_key_version in self._keys

    def _traces(self, record: PictureRecord) -> Iterator[Tensor]:
        source = NoiseSource(self._keys[record.noise_key_version], record.tenant)
        shape = (record.latent_channels, record.latent_height, record.latent_width)
        return noise_traces(source, record.seed, shape, record.num_inference_steps)


def _highest(deviations: dict[str, float]) -> tuple[str, ...]:
    """Return the names of the highest; equal noise gives equal values."""
    highest = max(deviations.values())
    return tuple(name for name, value in deviations.items() if value == highest)


def resized(image: RGB, size: tuple[int, int]) -> RGB:
    """Return the picture as large as it was made, (width, height), whatever was cut off."""
    picture = Image.fromarray(image)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return np.array(picture)
