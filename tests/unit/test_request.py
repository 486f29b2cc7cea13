"""Requests: what is read, what is assumed, and what is refused by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from instantid_server.contract import OutputFormat
from instantid_server.errors import InvalidInput
from instantid_server.request import GenerationRequest, SizeLimits, read_request

LIMITS = SizeLimits(
    native_height=128, native_width=192, max_height=256, max_width=384, vae_scale_factor=8
)
LOWEST, HIGHEST = -(2**63), 2**63 - 1
FLOATS = {
    "guidance_scale",
    "ip_adapter_scale",
    "controlnet_conditioning_scale",
    "control_guidance_start",
    "control_guidance_end",
}
POINTS = np.full((5, 2), 60, np.float32)
EMBEDDING = np.ones(512, np.float32)


def tensors(**values: Any) -> dict[str, np.ndarray]:
    """Return a good request with `values` on top; None takes an input away."""
    given = {"prompt": b"a portrait", "face_image": b"photo", **values}
    return {name: tensor(name, value) for name, value in given.items() if value is not None}


def tensor(name: str, value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, bytes):
        return np.array([value], dtype=np.object_)
    if name in FLOATS:
        return np.array([value], np.float32)
    return np.array([value], np.int64 if name == "seed" else np.int32)


def read(**values: Any) -> GenerationRequest:
    return read_request(tensors(**values), LIMITS)


def test_guidance_is_the_weights_own_unless_it_is_named() -> None:
    named = tensors(guidance_scale=7.0)
    assert read_request(tensors(), LIMITS, guidance_scale=2.0).guidance_scale == 2
    assert read_request(named, LIMITS, guidance_scale=2.0).guidance_scale == 7


def test_options_not_given_have_their_defaults() -> None:
    request = read(seed=1)
    expected = GenerationRequest(
        prompt="a portrait",
        negative_prompt="",
        face_image=b"photo",
        face_card=None,
        face_embedding=None,
        consent_token=None,
        face_index=None,
        pose_image=None,
        face_keypoints=None,
        height=128,
        width=192,
        num_inference_steps=30,
        guidance_scale=5.0,
        ip_adapter_scale=0.8,
        controlnet_conditioning_scale=0.8,
        control_guidance_start=0.0,
        control_guidance_end=1.0,
        scheduler="EulerDiscreteScheduler",
        seed=1,
        num_images_per_prompt=1,
        output_format=OutputFormat.PNG,
        output_quality=90,
        preview_every=5,
    )
    assert request == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("prompt", "пёс в лесу".encode(), "пёс в лесу"),
        ("negative_prompt", b"", ""),
        ("face_index", 0, 0),
        ("face_index", 15, 15),
        ("pose_image", b"photo", b"photo"),
        ("width", 64, 64),
        ("width", 384, 384),
        ("height", 256, 256),
        ("num_inference_steps", 1, 1),
        ("num_inference_steps", 150, 150),
        ("guidance_scale", 0.0, 0.0),
        ("guidance_scale", 30.0, 30.0),
        ("ip_adapter_scale", 0.0, 0.0),
        ("ip_adapter_scale", 1.5, 1.5),
        ("controlnet_conditioning_scale", 1.5, 1.5),
        ("control_guidance_start", 1.0, 1.0),
        ("control_guidance_end", 0.0, 0.0),
        ("scheduler", b"dpm++", "DPMSolverMultistepScheduler"),
        ("seed", 0, 0),
        ("seed", LOWEST, LOWEST),
        ("seed", HIGHEST, HIGHEST),
        ("num_images_per_prompt", 8, 8),
        ("output_format", b"WebP", OutputFormat.WEBP),
        ("output_quality", 1, 1),
        ("preview_every", 0, 0),
    ],
)
def test_value_is_read_as_it_is_given(name: str, value: Any, expected: Any) -> None:
    assert getattr(read(**{name: value}), name) == expected


def test_embedding_and_points_are_read_as_they_are_given() -> None:
    request = read(face_image=None, face_embedding=EMBEDDING * 20, face_keypoints=POINTS)
    np.testing.assert_array_equal(request.face_embedding, EMBEDDING * 20)
    np.testing.assert_array_equal(request.face_keypoints, POINTS)


def test_points_may_lie_anywhere_in_a_wide_picture() -> None:
    assert read(face_keypoints=with_value(POINTS, 191)).face_keypoints is not None


def test_seed_is_drawn_anew_when_none_is_given() -> None:
    seeds = {read().seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed <= HIGHEST for seed in seeds)


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    changed = array.copy()
    changed.flat[0] = value
    return changed


WRONG: list[tuple[str, Mapping[str, Any], str]] = [
    ("no-prompt", {"prompt": None}, "prompt: expected a description"),
    ("empty-prompt", {"prompt": b""}, "prompt: expected a description of the picture, got an e"),
    ("blank-prompt", {"prompt": b" \n\t"}, "prompt: expected a description"),
    ("not-utf-8", {"prompt": b"\xff\xfe"}, "prompt: expected UTF-8 text"),
    ("megabyte", {"prompt": b"x" * 10**6}, "prompt: expected at most 8192 bytes, got 1000000"),
    ("negative-megabyte", {"negative_prompt": b"x" * 10**6}, "negative_prompt: expected at most"),
    ("no-face", {"face_image": None}, "face_image: expected a photo of a face, or its face_card"),
    ("empty-photo", {"face_image": b""}, "face_image: expected an encoded picture, got no bytes"),
    ("both-faces", {"face_embedding": EMBEDDING}, "face_image: expected this or face_embedding"),
    ("photo-and-card", {"face_card": b"x"}, "face_image: expected this or face_card, got both"),
    ("empty-card", {"face_card": b""}, "face_card: expected the text that enroll returned"),
    ("empty-pose", {"pose_image": b""}, "pose_image: expected an encoded picture, got no bytes"),
    ("both-poses", {"pose_image": b"x", "face_keypoints": POINTS}, "pose_image: expected this or"),
    ("index-below", {"face_index": -1}, "face_index: expected 0 to 15, got -1"),
    ("index-above", {"face_index": 16}, "face_index: expected 0 to 15, got 16"),
    ("width-not-multiple", {"width": 100}, "width: expected a multiple of 8 pixels, got 100"),
    ("height-not-multiple", {"height": 129}, "height: expected a multiple of 8 pixels, got 129"),
    ("width-above", {"width": 392}, "width: expected 64 to 384, got 392"),
    ("height-above", {"height": 264}, "height: expected 64 to 256, got 264"),
    ("width-zero", {"width": 0}, "width: expected 64 to 384, got 0"),
    ("height-negative", {"height": -64}, "height: expected 64 to 256, got -64"),
    ("steps-zero", {"num_inference_steps": 0}, "num_inference_steps: expected 1 to 150, got 0"),
    ("steps-above", {"num_inference_steps": 151}, "num_inference_steps: expected 1 to 150, got 1"),
    ("guidance-below", {"guidance_scale": -0.5}, "guidance_scale: expected 0 to 30, got -0.5"),
    ("guidance-nan", {"guidance_scale": np.nan}, "guidance_scale: expected 0 to 30, got nan"),
    ("adapter-below", {"ip_adapter_scale": -0.1}, "ip_adapter_scale: expected 0 to 1.5, got -0.1"),
    ("adapter-above", {"ip_adapter_scale": 1.6}, "ip_adapter_scale: expected 0 to 1.5, got 1.6"),
    (
        "net-below",
        {"controlnet_conditioning_scale": -0.1},
        "controlnet_conditioning_scale: expected 0 to 1.5, got -0.1",
    ),
    (
        "net-above",
        {"controlnet_conditioning_scale": np.inf},
        "controlnet_conditioning_scale: expected 0 to 1.5, got inf",
    ),
    ("start-above", {"control_guidance_start": 1.1}, "control_guidance_start: expected 0 to 1"),
    ("end-below", {"control_guidance_end": -0.1}, "control_guidance_end: expected 0 to 1, got"),
    (
        "window-reversed",
        {"control_guidance_start": 0.75, "control_guidance_end": 0.25},
        "control_guidance_start: expected at most control_guidance_end 0.25, got 0.75",
    ),
    ("scheduler", {"scheduler": b"turbo"}, "scheduler: expected one of DDIMScheduler .ddim., "),
    ("no-pictures", {"num_images_per_prompt": 0}, "num_images_per_prompt: expected 1 to 8, got 0"),
    ("pictures", {"num_images_per_prompt": 1000}, "num_images_per_prompt: expected 1 to 8, got 1"),
    ("format", {"output_format": b"gif"}, "output_format: expected one of png, jpeg, webp, got"),
    ("quality-zero", {"output_quality": 0}, "output_quality: expected 1 to 100, got 0"),
    ("quality-above", {"output_quality": 101}, "output_quality: expected 1 to 100, got 101"),
    ("preview-negative", {"preview_every": -1}, "preview_every: expected 0 to 150, got -1"),
    (
        "points-outside",
        {"face_keypoints": with_value(POINTS, 192)},
        "face_keypoints: expected points inside the picture of 192x128 pixels",
    ),
    (
        "points-too-low",
        {"face_keypoints": with_value(POINTS[:, ::-1], 128)[:, ::-1]},
        "face_keypoints: expected points inside the picture of 192x128 pixels",
    ),
    (
        "points-below",
        {"face_keypoints": with_value(POINTS, -1)},
        "face_keypoints: expected points inside the picture",
    ),
    (
        "four-points",
        {"face_keypoints": POINTS[:4]},
        r"face_keypoints: expected the shape \(5, 2\), got \(4, 2\)",
    ),
    (
        "two-widths",
        {"width": np.array([64, 64], np.int32)},
        r"width: expected the shape \(1,\), got \(2,\)",
    ),
]


@pytest.mark.parametrize(
    ("values", "message"),
    [pytest.param(values, message, id=name) for name, values, message in WRONG],
)
def test_wrong_value_is_refused_by_name(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^\[INVALID_INPUT\] {message}"):
        read(**values)


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (np.ones(128, np.float32), r"expected the shape \(512,\), got \(128,\)"),
        (np.ones((1, 512), np.float32), r"expected the shape \(512,\), got \(1, 512\)"),
        (with_value(EMBEDDING, np.nan), "expected finite numbers, got NaN or infinity"),
        (with_value(EMBEDDING, -np.inf), "expected finite numbers, got NaN or infinity"),
        (np.zeros(512, np.float32), "expected numbers that are not all zero"),
    ],
    ids=["short", "two-dimensions", "nan", "infinity", "zeros"],
)
def test_embedding_of_nobody_is_refused(embedding: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"face_embedding: {message}"):
        read(face_image=None, face_embedding=embedding)


def test_face_index_needs_a_photo_to_choose_from() -> None:
    with pytest.raises(InvalidInput, match="face_index: it chooses a face of face_image"):
        read(face_image=None, face_embedding=EMBEDDING, face_index=0)


def test_message_is_short_however_long_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        read(output_format=b"x" * 8000)
    assert len(caught.value.message) < 200
