"""From options to the tensors of a request.

Refuses only what cannot be sent; whether a value is in range is the server's to say.
"""

import io
import operator
import os
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instantid_client._errors import ImageUnreadable, InvalidInput
from instantid_client._options import GenerationOptions
from instantid_server.contract import ENROLL, INSTANTID_CANCEL, VERIFY, ModelSpec, TensorSpec

if TYPE_CHECKING:
    from PIL import Image

Array: TypeAlias = "NDArray[np.generic]"
Tensors: TypeAlias = dict[str, Array]  # by name; BYTES tensors have dtype object

_PICTURES = ("face_image", "pose_image")
_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def tensors_of(options: GenerationOptions, model: ModelSpec) -> Tensors:
    """Return a tensor for every option that is set."""
    specs = {spec.name: spec for spec in model.inputs}
    tensors: Tensors = {}
    for field in fields(GenerationOptions):
        value: object = getattr(options, field.name)
        if value is None:
            continue
        if field.name not in specs:
            raise InvalidInput(f"{field.name}: {model.name} does not take it; use stream()")
        tensors[field.name] = _tensor(specs[field.name], value)
    return tensors


def cancel_tensors(request_id: str) -> Tensors:
    """Return the inputs of `instantid_cancel`."""
    spec = INSTANTID_CANCEL.input("request_id")
    return {spec.name: _tensor(spec, request_id)}


def enroll_tensors(
    face_image: object, face_index: int | None, consent_token: str | None
) -> Tensors:
    """Return the inputs of `enroll`."""
    given = {
        "face_image": face_image,
        "face_index": face_index,
        "consent_token": consent_token,
    }
    return {
        name: _tensor(ENROLL.input(name), value)
        for name, value in given.items()
        if value is not None
    }


def verify_tensors(picture: object) -> Tensors:
    """Return the inputs of `verify`; a decoded picture, whose credentials are lost, is refused."""
    spec = VERIFY.input("image")
    if not isinstance(picture, bytes | str | os.PathLike):
        raise InvalidInput(f"{spec.name}: expected a path or bytes, got {type(picture).__name__}")
    return {spec.name: np.array([encoded_picture(spec.name, picture)], dtype=np.object_)}


def _tensor(spec: TensorSpec, value: object) -> Array:
    if spec.name in _PICTURES:
        return np.array([encoded_picture(spec.name, value)], dtype=np.object_)
    if spec.dims != (1,):
        return _numbers(spec, value)
    return _SCALARS[spec.dtype](spec.name, value)


def _text(name: str, value: object) -> Array:
    if not isinstance(value, str):
        raise InvalidInput(f"{name}: expected a string, got {type(value).__name__}")
    try:
        return np.array([value.encode()], dtype=np.object_)
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name}: expected text that UTF-8 can hold, got {error}") from error


def _integer(dtype: type[np.int32] | type[np.int64]) -> Callable[[str, object], Array]:
    def convert(name: str, value: object) -> Array:
        limits = np.iinfo(dtype)
        try:
            number = operator.index(value)  # type: ignore[arg-type]  # that is the question
        except TypeError as error:
            raise InvalidInput(
                f"{name}: expected a whole number, got {type(value).__name__}"
            ) from error
        if isinstance(value, bool):
            raise InvalidInput(f"{name}: expected a whole number, got bool")
        if not limits.min <= number <= limits.max:
            raise InvalidInput(f"{name}: expected {limits.min} to {limits.max}, got {number}")
        return np.array([number], dtype=dtype)

    return convert


def _real(name: str, value: object) -> Array:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InvalidInput(f"{name}: expected a number, got {type(value).__name__}")
    with np.errstate(over="ignore"):  # infinity is sent, and refused by the server
        return np.array([float(value)], dtype=np.float32)


_SCALARS: dict[str, Callable[[str, object], Array]] = {
    "BYTES": _text,
    "INT32": _integer(np.int32),
    "INT64": _integer(np.int64),
    "FP32": _real,
}


def _numbers(spec: TensorSpec, value: object) -> Array:
    expected = " x ".join(map(str, spec.dims))
    try:
        array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{spec.name}: expected {expected} numbers, got {type(value).__name__}"
        ) from error
    if array.shape != spec.dims:
        shape = " x ".join(map(str, array.shape))
        raise InvalidInput(f"{spec.name}: expected {expected} numbers, got {shape}")
    return np.ascontiguousarray(array)


def encoded_picture(name: str, value: object) -> bytes:
    """Return the bytes that are sent of a path, bytes or a PIL image."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str | os.PathLike):
        try:
            with open(value, "rb") as file:
                return file.read()
        except OSError as error:
            reason = error.strerror if error.strerror is not None else "it cannot be read"
            raise ImageUnreadable(f"{name}: {os.fspath(value)!r}: {reason}") from error
    from PIL import Image  # only for those who pass one

    if not isinstance(value, Image.Image):
        raise InvalidInput(
            f"{name}: expected a path, bytes or a PIL image, got {type(value).__name__}"
        )
    return _png(value)


def _png(image: "Image.Image") -> bytes:
    from PIL import ImageOps

    # PIL keeps a camera's orientation beside the pixels, where a PNG may lose it.
    upright = ImageOps.exif_transpose(image)
    stored = upright if upright.mode in _PNG_MODES else upright.convert("RGB")
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
