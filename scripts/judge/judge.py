"""The judge: who is in a picture, what else it shows, and where the face's keypoints are."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime

from scripts.judge.attributes import ATTRIBUTES
from scripts.judge.face_crops import crop_face
from scripts.pocket.arrays import Floats, Picture

__all__ = ["ATTRIBUTES", "WEIGHTS", "Judge"]

WEIGHTS = Path(__file__).parent
_BATCH = 64


class Judge:
    """The trained networks, called with uint8 RGB pictures [n, 128, 128, 3]."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._person_reader, self._scene_reader = (
            onnxruntime.InferenceSession(weights / f"{name}.onnx", options)
            for name in ("person_reader", "scene_reader")
        )

    def embed(self, pictures: Picture, keypoints: Floats) -> Floats:
        """Return who is there [n, 160], of unit length, for keypoints [n, 5, 2] in pixels."""
        faces = np.stack([crop_face(*pair) for pair in zip(pictures, keypoints, strict=True)])
        described = [self._person_reader.run(None, {"faces": part})[0] for part in _inputs(faces)]
        return np.concatenate(described)

    def attributes(self, pictures: Picture) -> dict[str, list[str]]:
        """Return one choice per picture for each attribute."""
        logits, _ = self._read(pictures)
        ends = np.cumsum([len(choices) for choices in ATTRIBUTES.values()])
        parts = np.split(logits, ends[:-1], axis=1)
        return {
            name: [choices[best] for best in part.argmax(1)]
            for (name, choices), part in zip(ATTRIBUTES.items(), parts, strict=True)
        }

    def keypoints(self, pictures: Picture) -> Floats:
        """Return eyes, nose and corners of the mouth [n, 5, 2], in pixels."""
        return self._read(pictures)[1]

    def _read(self, pictures: Picture) -> tuple[Floats, Floats]:
        parts = [self._scene_reader.run(None, {"pictures": part}) for part in _inputs(pictures)]
        logits, keypoints = (np.concatenate(part) for part in zip(*parts, strict=True))
        return logits, keypoints


def _inputs(pictures: Picture) -> Iterator[Floats]:
    """Yield the pictures as the networks see them, some at a time."""
    for start in range(0, len(pictures), _BATCH):
        part = np.asarray(pictures[start : start + _BATCH], np.float32) / 127.5 - 1
        yield np.ascontiguousarray(part.transpose(0, 3, 1, 2))
