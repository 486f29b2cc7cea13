"""Options become tensors; what cannot be sent is refused with the name of the option."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tritonclient.utils import np_to_triton_dtype

from instantid_client import GenerationOptions, ImageUnreadable, InvalidInput
from instantid_client._requests import tensors_of
from instantid_server.contract import INSTANTID, INSTANTID_STREAM
from tests.client.answers import encoded_picture

INT64 = np.iinfo(np.int64)


def tensor(**options: Any) -> np.ndarray[Any, Any]:
    """Return the tensor of the one option that is given beside the prompt."""
    (name,) = options
    return tensors_of(GenerationOptions(prompt="p", **options), INSTANTID_STREAM)[name]


def test_options_that_are_not_given_are_not_sent() -> None:
    assert set(tensors_of(GenerationOptions(prompt="p"), INSTANTID)) == {"prompt"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("seed", 0, id="seed-zero"),
        pytest.param("guidance_scale", 0.0, id="no-guidance"),
        pytest.param("negative_prompt", "", id="empty-text"),
    ],
)
def test_values_that_count_as_false_are_sent(option: str, value: object) -> None:
    assert len(tensor(**{option: value})) == 1


@pytest.mark.parametrize("spec", INSTANTID_STREAM.inputs, ids=lambda spec: spec.name)
def test_tensor_has_the_type_and_shape_of_the_contract(spec: Any) -> None:
    values = {
        "BYTES": b"..." if "image" in spec.name else "text",
        "FP32": np.ones(spec.dims).tolist() if spec.dims != (1,) else 0.5,
    }
    value = values.get(spec.dtype, 3)
    options: dict[str, Any] = {"prompt": "p", spec.name: value}
    sent = tensors_of(GenerationOptions(**options), INSTANTID_STREAM)[spec.name]
    assert (sent.shape, np_to_triton_dtype(sent.dtype)) == (spec.dims, spec.dtype)


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        pytest.param("width", 512.0, "whole number, got float", id="fraction-of-a-pixel"),
        pytest.param("width", "512", "whole number, got str", id="number-as-text"),
        pytest.param("seed", True, "whole number, got bool", id="bool-as-integer"),
        pytest.param("seed", INT64.max + 1, "got 9223372036854775808", id="beyond-int64"),
        pytest.param("width", 2**31, "got 2147483648", id="beyond-int32"),
        pytest.param("guidance_scale", "5", "a number, got str", id="scale-as-text"),
        pytest.param("guidance_scale", True, "a number, got bool", id="bool-as-scale"),
        pytest.param("prompt", b"p", "a string, got bytes", id="bytes-as-prompt"),
        pytest.param("prompt", "\ud800", "UTF-8", id="half-a-surrogate"),
        pytest.param("face_embedding", [1.0] * 511, "512 numbers, got 511", id="short-embedding"),
        pytest.param("face_embedding", ["a"] * 512, "512 numbers", id="embedding-of-text"),
        pytest.param("face_keypoints", [[1, 2], [3]], "5 x 2 numbers", id="ragged-points"),
        pytest.param("face_image", 3, "a path, bytes or a PIL image, got int", id="no-picture"),
    ],
)
def test_value_that_cannot_be_sent_is_refused(option: str, value: object, reason: str) -> None:
    options: dict[str, Any] = {"prompt": "p", option: value}
    with pytest.raises(InvalidInput, match=rf"{option}: .*{reason}"):
        tensors_of(GenerationOptions(**options), INSTANTID)


@pytest.mark.parametrize("seed", [INT64.min, -1, 0, INT64.max])
def test_seed_reaches_both_ends_of_int64(seed: int) -> None:
    assert tensor(seed=seed).tolist() == [seed]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_numbers_that_are_none_are_left_to_the_server(value: float) -> None:
    assert not np.isfinite(tensor(guidance_scale=value)).any()


def test_numpy_numbers_count_as_numbers() -> None:
    assert tensor(width=np.int64(64)).tolist() == [64]
    assert tensor(guidance_scale=np.float32(2)).tolist() == [2]


def test_previews_are_refused_where_there_is_no_stream() -> None:
    with pytest.raises(InvalidInput, match=r"preview_every: .* use stream\(\)"):
        tensors_of(GenerationOptions(prompt="p", preview_every=2), INSTANTID)


def test_photo_on_disk_and_in_memory_is_sent_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(encoded_picture(kind="JPEG"))
    for source in (path, str(path), path.read_bytes()):
        assert tensor(face_image=source).tolist() == [path.read_bytes()]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "F"])
def test_pil_image_of_any_mode_is_sent_as_png(mode: str) -> None:
    (sent,) = tensor(face_image=Image.new(mode, (20, 10)))
    assert Image.open(io.BytesIO(sent)).size == (20, 10)


def test_pil_image_is_turned_as_the_camera_was_held() -> None:
    image = Image.new("RGB", (20, 10))
    image.getexif()[0x0112] = 6  # a quarter turn
    (sent,) = tensor(face_image=image)
    assert Image.open(io.BytesIO(sent)).size == (10, 20)


def test_unreadable_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadable, match=r"face_image: .*gone\.png.*No such file"):
        tensor(face_image=tmp_path / "gone.png")
