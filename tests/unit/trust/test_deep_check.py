"""The deep check: which records a picture's noise points at."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from picture_records import record_of
from PIL import Image
from torch import Tensor

from instantid_server.contract import MarkState
from instantid_server.errors import ImageUnreadable
from instantid_server.noise import NoiseSource
from instantid_server.trust.deep_check import DeepCheck, DeepFinding
from instantid_server.trust.keys import VersionedKeys
from instantid_server.trust.noise_traces import noise_traces
from instantid_server.trust.picture_record import PictureRecord
from scripts.known_keys import NOISE_KEY

KEYS = VersionedKeys(1, {1: NOISE_KEY})
MADE = record_of("a" * 32, seed=1)
OTHERS = [record_of(f"{seed:032x}", seed=seed) for seed in range(2, 12)]
SHAPE = (MADE.latent_channels, MADE.latent_height, MADE.latent_width)


@dataclass
class Estimate:
    """An inverter that knows how much of which noise it will find."""

    noise: Tensor
    share: float = 0.3
    latent_channels: int = SHAPE[0]
    sizes: list[tuple[int, ...]] = field(default_factory=list)

    def invert(self, pictures: NDArray[np.uint8]) -> Tensor:
        self.sizes.append(pictures.shape)
        rest = torch.randn(SHAPE, generator=torch.Generator().manual_seed(9))
        unit = self.noise / self.noise.std()
        return (self.share * unit + (1 - self.share**2) ** 0.5 * rest)[None]


def traces(record: PictureRecord, key: bytes = NOISE_KEY) -> Iterator[Tensor]:
    source = NoiseSource(key, record.tenant)
    return noise_traces(source, record.seed, SHAPE, record.num_inference_steps)


def picture(width: int = 128, height: int = 128) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), (120, 60, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def check(inverter: Estimate, *records: PictureRecord) -> DeepFinding:
    return DeepCheck(inverter, KEYS).check(picture(), records)


@pytest.mark.parametrize("trace", [0, 1], ids=["initial noise", "noise of all steps"])
def test_either_trace_of_a_records_noise_names_the_record(trace: int) -> None:
    inverter = Estimate(list(traces(MADE))[trace])
    assert check(inverter, *OTHERS, MADE) == DeepFinding(MarkState.OURS, ("a" * 32,), 11)


def test_noise_of_no_record_names_none() -> None:
    inverter = Estimate(next(traces(MADE)))
    assert check(inverter, *OTHERS) == DeepFinding(MarkState.NONE, (), 10)


def test_noise_under_another_key_is_not_ours() -> None:
    inverter = Estimate(next(traces(MADE, key=bytes(32))))
    assert check(inverter, MADE).noise is MarkState.NONE


def test_weak_traces_are_inconclusive_and_name_none() -> None:
    # The deviation of a cosine by chance is 0.018 here: this is four of them.
    inverter = Estimate(next(traces(MADE)), share=0.075)
    finding = check(inverter, MADE)
    assert (finding.noise, finding.record_ids) == (MarkState.INCONCLUSIVE, ())


def test_records_that_share_their_noise_are_all_named() -> None:
    again = replace(MADE, record_id="b" * 32)
    finding = check(Estimate(next(traces(MADE))), MADE, again, *OTHERS)
    assert finding.record_ids == ("a" * 32, "b" * 32)


@pytest.mark.parametrize(
    "change", [{"noise_key_version": 2}, {"latent_channels": 4}], ids=["key", "weights"]
)
def test_records_of_other_keys_and_weights_are_not_compared(change: dict[str, int]) -> None:
    inverter = Estimate(next(traces(MADE)))
    assert check(inverter, replace(MADE, **change)) == DeepFinding(MarkState.NONE, (), 0)


def test_picture_is_inverted_at_each_size_that_a_record_has() -> None:
    inverter = Estimate(next(traces(MADE)))
    wide = replace(MADE, record_id="b" * 32, width=192)
    DeepCheck(inverter, KEYS).check(picture(100, 90), [MADE, wide, *OTHERS])
    assert inverter.sizes == [(1, 128, 128, 3), (1, 128, 192, 3)]


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(ImageUnreadable):
        DeepCheck(Estimate(next(traces(MADE))), KEYS).check(b"no picture", [MADE])
