"""The whole request in one process: photo in, encoded and checked picture out."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from scripts.in_process_release import InProcessRelease
from scripts.render_profiles import DETECTION_SIZE_PX
from tests.reference import ReferenceOptions, ReferencePipeline


class InProcessPipeline:
    """The readable pipeline that the tests compare with, for the load test's requests."""

    def __init__(self, repository: Path, num_threads: int) -> None:
        self._pipeline = ReferencePipeline(repository, num_threads)
        self._release = InProcessRelease(repository)

    def draw(self, request: Mapping[str, NDArray[Any]]) -> bytes:
        """Return the picture of a request of the load test, whose face is as wide as its photo."""
        photo = Image.open(BytesIO(request["face_image"][0]))
        face = self._pipeline.find_face(photo, DETECTION_SIZE_PX)
        width, height = int(request["width"][0]), int(request["height"][0])
        options = ReferenceOptions(
            prompt=request["prompt"][0].decode(),
            num_inference_steps=int(request["num_inference_steps"][0]),
            guidance_scale=float(request["guidance_scale"][0]),
            ip_adapter_scale=float(request["ip_adapter_scale"][0]),
            control_guidance_end=float(request["control_guidance_end"][0]),
            seed=int(request["seed"][0]),
        )
        keypoints = face.kps * (width / photo.width)
        (picture,) = self._pipeline.generate(options, face.embedding, keypoints, height, width)
        encoded = self._release.release(picture)
        self._pipeline.find_faces(Image.open(BytesIO(encoded)), DETECTION_SIZE_PX)
        return encoded
