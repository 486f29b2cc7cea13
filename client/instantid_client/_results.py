"""From the tensors of an answer to pictures, progress and previews."""

import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from instantid_client._errors import UnexpectedAnswer
from instantid_client._requests import Array, Tensors
from instantid_server.contract import (
    CredentialsState,
    MarkState,
    OutputFormat,
    RecordState,
    StreamEvent,
)

if TYPE_CHECKING:
    from PIL import Image

_PNG_MAGIC = b"\x89PNG"
_JPEG_MAGIC = b"\xff\xd8\xff"


# Of each face five points (x, y) in pixels of the picture: eyes, nose, mouth corners.
Keypoints: TypeAlias = tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class Picture:
    """One generated picture, encoded as the server sent it."""

    encoded: bytes = field(repr=False)
    seed: int  # alone, it draws this picture again
    record_id: str  # under which the server has it on record
    identity_similarity: float | None  # cosine to the reference; None: no face was found
    identity_note: str  # why there is no similarity; empty if there is one
    face_bbox: tuple[float, float, float, float] | None  # left, top, right, bottom in pixels

    @cached_property
    def image(self) -> "Image.Image":
        """The decoded picture."""
        return decode(self.encoded)

    @property
    def output_format(self) -> OutputFormat:
        """How the picture is encoded."""
        return format_of(self.encoded)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoded bytes as they are; the name's ending does not convert them."""
        with open(path, "wb") as file:
            file.write(self.encoded)


@dataclass(frozen=True)
class Generation:
    """The answer to one request."""

    pictures: tuple[Picture, ...]
    timings: Mapping[str, float]  # the server's: milliseconds a stage, steps, mean batches
    face_keypoints: Keypoints  # where the face was asked to be, for the next picture in this pose
    request_id: str  # the server's log and traces call the request by it


@dataclass(frozen=True)
class Progress:
    """So many denoising steps are done."""

    step: int
    num_inference_steps: int


@dataclass(frozen=True)
class Preview:
    """What the pictures look like after a step."""

    step: int
    num_inference_steps: int
    encoded: tuple[bytes, ...] = field(repr=False)

    @cached_property
    def images(self) -> "tuple[Image.Image, ...]":
        """The decoded previews, one of each picture."""
        return tuple(decode(encoded) for encoded in self.encoded)


@dataclass(frozen=True)
class Enrolment:
    """A face as the server gives it out: sealed, and of no use elsewhere."""

    face_card: str = field(repr=False)  # stands for the photo in later requests
    face_template: str = field(repr=False)  # what an issuer can bind a consent to
    face_bbox: tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Verification:
    """Whether a picture is the server's, and unchanged."""

    credentials: CredentialsState
    mark: MarkState
    record: RecordState
    record_id: str | None  # where the credentials are trusted, or the record matches
    sentences: tuple[str, ...]  # the same in words, one of each


@dataclass(frozen=True)
class ServerStatus:
    """Whether the server and each of its models take requests."""

    version: str  # Triton's
    ready: bool
    models: Mapping[str, bool]


Event: TypeAlias = Progress | Preview | Generation


def format_of(encoded: bytes) -> OutputFormat:
    """Return how a picture of the server is encoded, from its first bytes."""
    if encoded.startswith(_PNG_MAGIC):
        return OutputFormat.PNG
    if encoded.startswith(_JPEG_MAGIC):
        return OutputFormat.JPEG
    return OutputFormat.WEBP


def decode(encoded: bytes) -> "Image.Image":
    """Return the picture that `encoded` holds, its pixels loaded."""
    from PIL import Image  # a caller who only saves needs no decoder

    image = Image.open(io.BytesIO(encoded))
    image.load()
    return image


def generation_of(outputs: Tensors, request_id: str) -> Generation:
    """Return what `instantid` answered."""
    images = _named(outputs, "image")
    columns = (
        _named(outputs, "seed"),
        _named(outputs, "record_id"),
        _named(outputs, "identity_similarity"),
        _named(outputs, "identity_note"),
        _named(outputs, "face_bbox"),
    )
    if any(len(column) != len(images) for column in columns):
        sizes = ", ".join(str(len(column)) for column in (images, *columns))
        raise UnexpectedAnswer(f"expected as many values as pictures, got {sizes}")
    pictures = tuple(
        Picture(
            encoded=bytes(image),
            seed=int(seed),
            record_id=record_id.decode(),
            identity_similarity=None if math.isnan(similarity) else float(similarity),
            identity_note=note.decode(),
            face_bbox=_bbox(bbox),
        )
        for image, seed, record_id, similarity, note, bbox in zip(images, *columns, strict=True)
    )
    keypoints = _keypoints(_named(outputs, "face_keypoints"))
    return Generation(pictures, _timings(outputs), keypoints, request_id)


def event_of(outputs: Tensors, request_id: str) -> Event:
    """Return what one response of `instantid_stream` carries."""
    kind = bytes(_first(outputs, "event")).decode(errors="replace")
    if kind == StreamEvent.RESULT:
        return generation_of(outputs, request_id)
    if kind not in (StreamEvent.PROGRESS, StreamEvent.PREVIEW):
        raise UnexpectedAnswer(f"event: expected {', '.join(StreamEvent)}, got {kind!r}")
    step = int(_first(outputs, "step"))
    num_inference_steps = int(_first(outputs, "num_inference_steps"))
    if kind == StreamEvent.PROGRESS:
        return Progress(step, num_inference_steps)
    previews = tuple(bytes(preview) for preview in _named(outputs, "preview"))
    return Preview(step, num_inference_steps, previews)


def num_cancelled(outputs: Tensors) -> int:
    """Return what `instantid_cancel` answered."""
    return int(_first(outputs, "cancelled"))


def enrolment_of(outputs: Tensors) -> Enrolment:
    """Return what `enroll` answered."""
    bbox = _bbox(_named(outputs, "face_bbox"))
    if bbox is None:
        raise UnexpectedAnswer("face_bbox: expected the box of a face, got none")
    card, template = (
        bytes(_first(outputs, name)).decode() for name in ("face_card", "face_template")
    )
    return Enrolment(card, template, bbox)


def verification_of(outputs: Tensors) -> Verification:
    """Return what `verify` answered."""
    try:
        summary = json.loads(bytes(_first(outputs, "summary")))
        return Verification(
            CredentialsState(summary["credentials"]),
            MarkState(summary["mark"]),
            RecordState(summary["record"]),
            summary["record_id"],
            tuple(summary["sentences"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnexpectedAnswer("summary: expected the answer of verify, got other JSON") from error


def _named(outputs: Tensors, name: str) -> Array:
    if name not in outputs:
        raise UnexpectedAnswer(f"expected an output {name}, got {', '.join(sorted(outputs))}")
    return outputs[name]


def _first(outputs: Tensors, name: str) -> Any:
    values = _named(outputs, name)
    if len(values) == 0:
        raise UnexpectedAnswer(f"{name}: expected one value, got none")
    return values[0]


def _bbox(values: Array) -> tuple[float, float, float, float] | None:
    left, top, right, bottom = (float(value) for value in values)
    return None if math.isnan(left) else (left, top, right, bottom)


def _keypoints(faces: Array) -> Keypoints:
    return tuple(tuple((float(x), float(y)) for x, y in points) for points in faces)


def _timings(outputs: Tensors) -> Mapping[str, float]:
    try:
        timings = json.loads(bytes(_first(outputs, "timings")))
    except ValueError as error:
        raise UnexpectedAnswer("timings: expected JSON, got something else") from error
    if not isinstance(timings, dict):
        raise UnexpectedAnswer(f"timings: expected an object, got {type(timings).__name__}")
    return timings
