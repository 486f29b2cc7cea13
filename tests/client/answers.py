"""Answers as a server sends them: tensors by name."""

import io

import numpy as np
from PIL import Image

from instantid_client._requests import Tensors


def encoded_picture(colour: str = "red", kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(buffer, kind)
    return buffer.getvalue()


def texts(*values: bytes) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array(values, dtype=np.object_)


def result(num_pictures: int = 1, seed: int = 7, kind: str = "PNG") -> Tensors:
    """Return a result whose last picture has no face in it."""
    similarities = np.full(num_pictures, 0.75, np.float32)
    similarities[-1] = np.nan
    bboxes = np.full((num_pictures, 4), 2, np.float32)
    bboxes[-1] = np.nan
    return {
        "event": texts(b"result"),
        "image": texts(*[encoded_picture(kind=kind)] * num_pictures),
        "seed": np.arange(seed, seed + num_pictures, dtype=np.int64),
        "record_id": texts(*[f"{number:032x}".encode() for number in range(num_pictures)]),
        "identity_similarity": similarities,
        "identity_note": texts(*[b""] * (num_pictures - 1), b"no face was found"),
        "face_bbox": bboxes,
        "face_keypoints": np.arange(10, dtype=np.float32).reshape(1, 5, 2),
        "timings": texts(b'{"total_ms": 12.5, "steps": 4}'),
    }


def progress(step: int, num_inference_steps: int = 4) -> Tensors:
    return {
        "event": texts(b"progress"),
        "step": np.array([step], np.int32),
        "num_inference_steps": np.array([num_inference_steps], np.int32),
    }


def preview(step: int, num_inference_steps: int = 4) -> Tensors:
    return {
        **progress(step, num_inference_steps),
        "event": texts(b"preview"),
        "preview": texts(encoded_picture("blue", "WEBP")),
    }
