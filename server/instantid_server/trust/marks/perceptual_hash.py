"""The perceptual hash: 255 bits of what a picture looks like, which outlast most edits."""

import cv2
import numpy as np

from instantid_server.images import RGB

SAME_PICTURE_AT_MOST = 0.30  # of the bits differ; unlike pictures differ in about half

_SIDE_PX = 64  # what the hash looks at
_SWINGS = 16  # down and across; all but the mean are a bit
BITS = _SWINGS * _SWINGS - 1


def perceptual_hash(image: RGB) -> str:
    """Return the hash as 64 hexadecimal digits."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    swings = cv2.dct(small.astype(np.float32))[:_SWINGS, :_SWINGS].ravel()[1:]
    return np.packbits(swings > np.median(swings)).tobytes().hex()


def distance(first: str, second: str) -> float:
    """Return the share of bits in which two hashes differ; raises ValueError if one is none."""
    differing = int(first, 16) ^ int(second, 16)
    return differing.bit_count() / BITS


def is_same_picture(first: str, second: str) -> bool:
    """Return whether two hashes are of one picture, edited or not."""
    return distance(first, second) <= SAME_PICTURE_AT_MOST
