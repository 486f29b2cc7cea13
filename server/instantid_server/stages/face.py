"""Face analysis: where the faces of a photo are, and who is on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from insightface.model_zoo.scrfd import SCRFD
from insightface.utils.face_align import norm_crop
from numpy.typing import NDArray

from instantid_server.contract import (
    EMBEDDING_SIZE,
    FACE_DETECTOR,
    FACE_EMBEDDER,
    MAX_FACES,
)
from instantid_server.errors import InstantIDError
from instantid_server.images import RGB, decode_image
from instantid_server.node import NodeContext, Outcome, StageCall, Tensors
from instantid_server.settings import FaceAnalysisSettings, read_settings

EMBEDDER_MEAN = EMBEDDER_STD = 127.5  # ArcFace's; SCRFD's own are 127.5 and 128
ALIGNED_SIZE_PX = 112


class FaceAnalysis:
    """Detects with `face_detector`, aligns as insightface does, embeds with `face_embedder`."""

    from_dlpack = None

    def __init__(self, call: StageCall, settings: FaceAnalysisSettings) -> None:
        self._call = call
        self._size = (settings.detection_size, settings.detection_size)
        self._detector = SCRFD(session=_DetectorSession(call))
        self._detector.det_thresh = settings.score_threshold
        self._detector.nms_thresh = settings.nms_threshold

    @classmethod
    def load(cls, context: NodeContext) -> "FaceAnalysis":
        """Read the settings; the networks are models of their own."""
        return cls(context.call, read_settings(FaceAnalysisSettings, context.parameters))

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Answer with every face of each photo, from left to right."""
        return [self._analyse_request(request) for request in requests]

    def _analyse_request(self, request: Tensors) -> Outcome:
        try:
            photos = [decode_image(encoded, "image") for encoded in request["encoded_image"][:, 0]]
            return _pad([self.analyse(photo) for photo in photos])
        except InstantIDError as error:
            return error

    def analyse(self, photo: RGB) -> dict[str, NDArray[Any]]:
        """Return the faces of one photo as the contract's tensors, without the batch."""
        bgr = np.ascontiguousarray(photo[:, :, ::-1])  # insightface works as OpenCV does
        detected, keypoints = self._detector.detect(bgr, self._size)
        best = np.argsort(-detected[:, 4])[:MAX_FACES]
        order = best[np.argsort(detected[best, 0], kind="stable")]  # from left to right
        detected, keypoints = detected[order], keypoints[order]
        height, width = photo.shape[:2]
        return {
            # SCRFD's boxes may reach over the edge of the photo.
            "face_bboxes": detected[:, :4].clip(0, [width, height, width, height]).astype("f4"),
            "face_scores": detected[:, 4].astype(np.float32),
            "face_keypoints": keypoints.astype(np.float32),
            "face_embeddings": self._embed(bgr, keypoints),
            "image_size": np.array([height, width], np.int32),
        }

    def _embed(self, bgr: RGB, keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(keypoints):
            return np.empty((0, EMBEDDING_SIZE), np.float32)
        crops = [norm_crop(bgr, points, ALIGNED_SIZE_PX) for points in keypoints]
        faces = np.stack(crops)[..., ::-1].astype(np.float32)  # RGB again
        faces = ((faces - EMBEDDER_MEAN) / EMBEDDER_STD).transpose(0, 3, 1, 2)
        embeddings = self._call(FACE_EMBEDDER.name, {"aligned_face": faces}, ["face_embedding"])[
            "face_embedding"
        ]
        return embeddings.astype(np.float32, copy=False)


class _DetectorSession:
    """What insightface's SCRFD needs of an onnxruntime session, answered by our detector model."""

    def __init__(self, call: StageCall) -> None:
        self._call = call

    def get_inputs(self) -> list["_Port"]:
        return [_Port(FACE_DETECTOR.inputs[0].name, (None, 3, "height", "width"))]

    def get_outputs(self) -> list["_Port"]:
        # Three dimensions tell SCRFD that the first one is the batch.
        return [_Port(spec.name, (None, *spec.dims)) for spec in FACE_DETECTOR.outputs]

    def run(
        self, names: Sequence[str], inputs: Mapping[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        outputs = self._call(FACE_DETECTOR.name, inputs, names)
        return [outputs[name] for name in names]


class _Port:
    """A named tensor of the session."""

    def __init__(self, name: str, shape: tuple[int | str | None, ...]) -> None:
        self.name = name
        self.shape = shape


def _pad(photos: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Stack the photos of one request; a photo with fewer faces is filled up with score 0."""
    most = max(len(photo["face_scores"]) for photo in photos)
    stacked: dict[str, NDArray[Any]] = {}
    for name in photos[0]:
        arrays = [photo[name] for photo in photos]
        if name != "image_size":
            arrays = [
                np.pad(array, [(0, most - len(array))] + [(0, 0)] * (array.ndim - 1))
                for array in arrays
            ]
        stacked[name] = np.stack(arrays)
    return stacked
