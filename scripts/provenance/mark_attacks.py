"""Attacks on the mark: to learn it by averaging, and to copy it onto another picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from instantid_server.contract import MarkState
from instantid_server.images import RGB
from instantid_server.trust.marks.perceptual_hash import is_same_picture, perceptual_hash
from instantid_server.trust.marks.watermarker import Watermarker
from scripts.pocket.arrays import Floats

_BOLDNESS = 2.0  # the attacker adds twice what he learned


@dataclass(frozen=True)
class Averaging:
    """How many clean pictures read as ours with the average of many marks added."""

    forged: int
    forged_of_one_id: int  # all marks under one id, so not shifted: what the shift prevents


@dataclass(frozen=True)
class Copying:
    """How many pictures read as ours with another's mark, and pass for that other one."""

    read_as_ours: int
    unnoticed: int


def average(
    watermarker: Watermarker,
    originals: Sequence[RGB],
    victims: Sequence[RGB],
    rng: np.random.Generator,
) -> Averaging:
    """Average the marks of all originals, which the attacker even has unmarked."""
    record_ids = [rng.bytes(16).hex() for _ in originals]
    shifted = [_added(watermarker, *pair) for pair in zip(originals, record_ids, strict=True)]
    still = [_added(watermarker, original, record_ids[0]) for original in originals]
    return Averaging(
        _forged(watermarker, np.mean(shifted, 0), victims),
        _forged(watermarker, np.mean(still, 0), victims),
    )


def copy(
    watermarker: Watermarker,
    originals: Sequence[RGB],
    victims: Sequence[RGB],
    rng: np.random.Generator,
) -> Copying:
    """Add to each victim what marking added to an original, of the same size."""
    ours = unnoticed = 0
    for original, victim in zip(originals, victims, strict=True):
        record_id = rng.bytes(16).hex()
        forged = _with_added(victim, _added(watermarker, original, record_id))
        recorded = perceptual_hash(watermarker.embed(original, record_id))
        if watermarker.detect(forged).state is MarkState.OURS:
            ours += 1
            unnoticed += is_same_picture(recorded, perceptual_hash(forged))
    return Copying(ours, unnoticed)


def _added(watermarker: Watermarker, original: RGB, record_id: str) -> Floats:
    return watermarker.embed(original, record_id).astype(np.float32) - original


def _forged(watermarker: Watermarker, learned: Floats, victims: Sequence[RGB]) -> int:
    added = _BOLDNESS * learned
    states = [watermarker.detect(_with_added(victim, added)).state for victim in victims]
    return states.count(MarkState.OURS)


def _with_added(picture: RGB, added: Floats) -> RGB:
    return np.asarray(np.clip(np.rint(picture + added), 0, 255), np.uint8)
