"""A caller's request: tensors in, one checked and complete set of options out."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instantid_server import contract
from instantid_server.contract import INSTANTID_STREAM, OutputFormat
from instantid_server.errors import InvalidInput
from instantid_server.scheduler_names import resolve_scheduler

Arrays = Mapping[str, NDArray[Any]]

MIN_SIDE_PX = 64
INT64 = np.iinfo(np.int64)


@dataclass(frozen=True)
class SizeLimits:
    """What sizes the weights can draw, from `pipeline.json`."""

    native_height: int
    native_width: int
    max_height: int
    max_width: int
    vae_scale_factor: int


@dataclass(frozen=True)
class GenerationRequest:
    """Everything that decides the pictures. Two equal requests give equal pictures."""

    prompt: str
    negative_prompt: str
    face_image: bytes | None  # encoded; this, a card or an embedding
    face_card: bytes | None  # a sealed likeness
    face_embedding: NDArray[np.float32] | None  # (512,), raw
    consent_token: bytes | None
    face_index: int | None  # counted from left to right
    pose_image: bytes | None
    face_keypoints: NDArray[np.float32] | None  # (5, 2), pixels of the result
    height: int
    width: int
    num_inference_steps: int
    guidance_scale: float  # 1 or less: no guidance, and half the work
    ip_adapter_scale: float
    controlnet_conditioning_scale: float
    control_guidance_start: float  # share of the steps
    control_guidance_end: float
    scheduler: str  # diffusers' class name
    seed: int
    num_images_per_prompt: int
    output_format: OutputFormat
    output_quality: int
    preview_every: int  # steps; 0: no previews


def read_request(
    tensors: Arrays, limits: SizeLimits, guidance_scale: float = contract.DEFAULT_GUIDANCE_SCALE
) -> GenerationRequest:
    """Return the request in `tensors`; raises InvalidInput naming the first input that is wrong.

    `guidance_scale` is the one that the weights draw best at, for callers who name none.
    """
    for name, array in tensors.items():
        _check_dims(name, array)
    scale = (0.0, contract.MAX_CONDITIONING_SCALE)
    request = GenerationRequest(
        prompt=_text(tensors, "prompt", ""),
        negative_prompt=_text(tensors, "negative_prompt", ""),
        face_image=_encoded(tensors, "face_image"),
        face_card=_encoded(tensors, "face_card", "the text that enroll returned"),
        face_embedding=_points(tensors, "face_embedding"),
        consent_token=_encoded(tensors, "consent_token", "a JSON Web Token"),
        face_index=_optional_integer(tensors, "face_index", 0, contract.MAX_FACES - 1),
        pose_image=_encoded(tensors, "pose_image"),
        face_keypoints=_points(tensors, "face_keypoints"),
        height=_side(tensors, "height", limits.native_height, limits.max_height, limits),
        width=_side(tensors, "width", limits.native_width, limits.max_width, limits),
        num_inference_steps=_integer(
            tensors,
            "num_inference_steps",
            contract.DEFAULT_NUM_INFERENCE_STEPS,
            (1, contract.MAX_NUM_INFERENCE_STEPS),
        ),
        guidance_scale=_number(
            tensors,
            "guidance_scale",
            guidance_scale,
            (0.0, contract.MAX_GUIDANCE_SCALE),
        ),
        ip_adapter_scale=_number(
            tensors, "ip_adapter_scale", contract.DEFAULT_IP_ADAPTER_SCALE, scale
        ),
        controlnet_conditioning_scale=_number(
            tensors,
            "controlnet_conditioning_scale",
            contract.DEFAULT_CONTROLNET_CONDITIONING_SCALE,
            scale,
        ),
        control_guidance_start=_number(tensors, "control_guidance_start", 0.0, (0.0, 1.0)),
        control_guidance_end=_number(tensors, "control_guidance_end", 1.0, (0.0, 1.0)),
        scheduler=resolve_scheduler(_text(tensors, "scheduler", contract.DEFAULT_SCHEDULER)),
        seed=_seed(tensors),
        num_images_per_prompt=_integer(
            tensors, "num_images_per_prompt", 1, (1, contract.MAX_NUM_IMAGES_PER_PROMPT)
        ),
        output_format=_output_format(_text(tensors, "output_format", OutputFormat.PNG)),
        output_quality=_integer(
            tensors, "output_quality", contract.DEFAULT_OUTPUT_QUALITY, (1, 100)
        ),
        preview_every=_integer(
            tensors,
            "preview_every",
            contract.DEFAULT_PREVIEW_EVERY,
            (0, contract.MAX_NUM_INFERENCE_STEPS),
        ),
    )
    _check_together(request)
    return request


def _check_together(request: GenerationRequest) -> None:
    if not request.prompt.strip():
        raise InvalidInput("prompt: expected a description of the picture, got an empty text")
    faces = {
        "face_image": request.face_image,
        "face_card": request.face_card,
        "face_embedding": request.face_embedding,
    }
    given = [name for name, value in faces.items() if value is not None]
    if not given:
        raise InvalidInput("face_image: expected a photo of a face, or its face_card; got neither")
    if len(given) > 1:
        raise InvalidInput(f"{given[0]}: expected this or {given[1]}, got both")
    if request.face_image is None and request.face_index is not None:
        raise InvalidInput("face_index: it chooses a face of face_image, which is not given")
    if request.pose_image is not None and request.face_keypoints is not None:
        raise InvalidInput("pose_image: expected this or face_keypoints, got both")
    if request.control_guidance_start > request.control_guidance_end:
        raise InvalidInput(
            "control_guidance_start: expected at most control_guidance_end "
            f"{request.control_guidance_end:g}, got {request.control_guidance_start:g}"
        )
    points = request.face_keypoints
    if points is not None and ((points < 0) | (points >= [request.width, request.height])).any():
        raise InvalidInput(
            "face_keypoints: expected points inside the picture of "
            f"{request.width}x{request.height} pixels"
        )


def _check_dims(name: str, array: NDArray[Any]) -> None:
    expected = INSTANTID_STREAM.input(name).dims
    if array.shape != expected:
        raise InvalidInput(f"{name}: expected the shape {expected}, got {array.shape}")


def _text(tensors: Arrays, name: str, default: str) -> str:
    if name not in tensors:
        return default
    encoded: bytes = tensors[name][0]
    if len(encoded) > contract.MAX_PROMPT_BYTES:
        raise InvalidInput(
            f"{name}: expected at most {contract.MAX_PROMPT_BYTES} bytes, got {len(encoded)}"
        )
    try:
        return encoded.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name}: expected UTF-8 text") from error


def _encoded(tensors: Arrays, name: str, what: str = "an encoded picture") -> bytes | None:
    if name not in tensors:
        return None
    encoded: bytes = tensors[name][0]
    if not encoded:
        raise InvalidInput(f"{name}: expected {what}, got no bytes")
    return encoded


def _points(tensors: Arrays, name: str) -> NDArray[np.float32] | None:
    if name not in tensors:
        return None
    values: NDArray[np.float32] = tensors[name]
    if not np.isfinite(values).all():
        raise InvalidInput(f"{name}: expected finite numbers, got NaN or infinity")
    if not values.any():
        raise InvalidInput(f"{name}: expected numbers that are not all zero")
    return values


def _optional_integer(tensors: Arrays, name: str, low: int, high: int) -> int | None:
    return _integer(tensors, name, 0, (low, high)) if name in tensors else None


def _integer(tensors: Arrays, name: str, default: int, limits: tuple[int, int]) -> int:
    value = int(tensors[name][0]) if name in tensors else default
    if not limits[0] <= value <= limits[1]:
        raise InvalidInput(f"{name}: expected {limits[0]} to {limits[1]}, got {value}")
    return value


def _number(tensors: Arrays, name: str, default: float, limits: tuple[float, float]) -> float:
    value = float(tensors[name][0]) if name in tensors else default
    if not limits[0] <= value <= limits[1]:  # false for NaN as well
        raise InvalidInput(f"{name}: expected {limits[0]:g} to {limits[1]:g}, got {value:g}")
    return value


def _side(tensors: Arrays, name: str, default: int, largest: int, limits: SizeLimits) -> int:
    value = _integer(tensors, name, default, (MIN_SIDE_PX, largest))
    if value % limits.vae_scale_factor:
        raise InvalidInput(
            f"{name}: expected a multiple of {limits.vae_scale_factor} pixels, got {value}"
        )
    return value


def _seed(tensors: Arrays) -> int:
    if "seed" in tensors:
        return int(tensors["seed"][0])
    return secrets.randbelow(INT64.max)  # told in the answer, so the picture can be had again


def _output_format(text: str) -> OutputFormat:
    try:
        return OutputFormat(text.lower())
    except ValueError as error:
        formats = ", ".join(OutputFormat)
        got = text[:32]
        raise InvalidInput(f"output_format: expected one of {formats}, got {got!r}") from error
