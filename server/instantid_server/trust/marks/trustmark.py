"""TrustMark: Adobe's public mark, by two ONNX files that an operator supplies.

Whoever has the files can read, remove and forge it, so it tells who says nothing, not who lies.
"""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from instantid_server.contract import MarkState
from instantid_server.images import RGB
from instantid_server.settings import SettingsError
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.marks.golay import Signs
from instantid_server.trust.marks.payload import CODED_BITS, Payload
from instantid_server.trust.picture_record import mark_id_of

TRUSTMARK = "com.adobe.trustmark.Q"

_BITS = 100
_FLAG_BITS = _BITS - CODED_BITS
_SIDE_PX = 256  # what both networks look at, whatever the picture's shape
# So many of the 28 agree by chance once in 600,000 pictures, and once in 2,000.
_FLAGS_OF_OURS, _FLAGS_OF_DOUBT = 26, 23

Pixels = NDArray[np.float32]  # (1, 3, 256, 256) in -1..1


class TrustMark:
    """The variant Q; its bits say which picture, and 28 of them that they are of this server."""

    name = TRUSTMARK

    def __init__(self, folder: Path) -> None:
        """Load `encoder.onnx` and `decoder.onnx`; raises SettingsError where one is missing."""
        self._encoder = _load(folder / "encoder.onnx")
        self._decoder = _load(folder / "decoder.onnx")
        self._cover, self._secret = _names_by_rank(self._encoder)

    def embed(self, image: RGB, record_id: str) -> RGB:
        """Return a marked copy; what is added is made at 256 pixels and enlarged."""
        bits = (_all_bits(Payload(mark_id_of(record_id), 0)) > 0).astype(np.float32)
        small = _pixels(image)
        (marked,) = self._encoder.run(None, {self._cover: small, self._secret: bits[None]})
        added = (marked - small)[0].transpose(1, 2, 0)
        height, width = image.shape[:2]
        enlarged = cv2.resize(added, (width, height), interpolation=cv2.INTER_LINEAR) * 127.5
        return np.asarray(np.clip(np.rint(image + enlarged), 0, 255), np.uint8)

    def detect(self, image: RGB) -> Detection:
        """Return the mark; it has no key, so none is named."""
        (logits,) = self._decoder.run(None, {self._decoder.get_inputs()[0].name: _pixels(image)})
        signs = np.asarray(logits[0], np.float32)
        flags = int(((signs[CODED_BITS:] > 0) == (_flags() > 0)).sum())
        if flags >= _FLAGS_OF_OURS:
            return Detection(MarkState.OURS, Payload.decode(signs[:CODED_BITS]).mark_id)
        return Detection(MarkState.INCONCLUSIVE if flags >= _FLAGS_OF_DOUBT else MarkState.NONE)


def _all_bits(payload: Payload) -> Signs:
    return np.concatenate([payload.encode(), _flags()])


def _flags() -> Signs:
    bits = np.unpackbits(np.frombuffer(hashlib.sha256(TRUSTMARK.encode()).digest(), np.uint8))
    return np.where(bits[:_FLAG_BITS] == 1, 1, -1).astype(np.float32)


def _pixels(image: RGB) -> Pixels:
    small = cv2.resize(image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return (small.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)


def _load(path: Path) -> onnxruntime.InferenceSession:
    if not path.exists():
        raise SettingsError(
            f"trustmark: {path.name} is not in the folder `trustmark` of the keys folder"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _names_by_rank(encoder: onnxruntime.InferenceSession) -> tuple[str, str]:
    """Return the names of the inputs for the picture and for the bits; exports name them freely."""
    names = {len(tensor.shape): tensor.name for tensor in encoder.get_inputs()}
    if names.keys() != {2, 4}:
        raise SettingsError("trustmark: encoder.onnx does not take one picture and one row of bits")
    return names[4], names[2]
