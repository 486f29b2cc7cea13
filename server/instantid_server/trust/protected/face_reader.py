"""The face of a photo, read without a server by the networks of a model repository."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import FACE_ANALYSIS, FACE_DETECTOR, FACE_EMBEDDER
from instantid_server.errors import FaceNotFound, InstantIDError, SeveralFaces
from instantid_server.images import decode_image
from instantid_server.settings import FaceAnalysisSettings
from instantid_server.stages.face import FaceAnalysis
from instantid_server.stages.onnx import OnnxModel

MODEL_VERSION = "1"  # the folder of a model in a repository
_DETECTION_SIZE = re.compile(r'key: "detection_size"\s+value \{ string_value: "(\d+)"')


class FaceReader:
    """Finds and embeds faces as `face_analysis` does."""

    def __init__(self, repository: Path) -> None:
        """Load the networks; raises OSError where they are not."""
        self._faces = load_face_analysis(repository)

    def read_face(self, photo: bytes) -> NDArray[np.float32]:
        """Return the embedding (512,), raw, of the only face.

        Raises ImageUnreadable, ImageTooLarge, FaceNotFound or SeveralFaces.
        """
        embeddings = self._faces.analyse(decode_image(photo, "photo"))["face_embeddings"]
        if len(embeddings) == 0:
            raise FaceNotFound("photo: expected a face, found none")
        if len(embeddings) > 1:
            raise SeveralFaces(f"photo: expected one face, found {len(embeddings)}; cut one out")
        only: NDArray[np.float32] = embeddings[0]
        return only


def load_face_analysis(repository: Path) -> FaceAnalysis:
    """Return a repository's `face_analysis` in this process; raises OSError where it is not."""
    config = (repository / FACE_ANALYSIS.name / "config.pbtxt").read_text()
    size = _DETECTION_SIZE.search(config)
    settings = FaceAnalysisSettings(int(size[1])) if size else FaceAnalysisSettings()
    return FaceAnalysis(_networks(repository), settings)


class _Networks:
    """Calls the networks of this process as Triton's models are called."""

    def __init__(self, networks: Mapping[str, OnnxModel]) -> None:
        self._networks = networks

    def __call__(
        self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        found = self._networks[model].run([inputs])[0]
        if isinstance(found, InstantIDError):
            raise found
        return {name: found[name] for name in outputs}


def _networks(repository: Path) -> _Networks:
    return _Networks(
        {
            spec.name: OnnxModel(repository / spec.name / MODEL_VERSION / "model.onnx", spec)
            for spec in (FACE_DETECTOR, FACE_EMBEDDER)
        }
    )
