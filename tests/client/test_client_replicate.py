"""Replicate's names are read as ours; what this server lacks is refused by name."""

import base64
from typing import Any

import pytest

from instantid_client import (
    GenerationOptions,
    ImageUnreadable,
    InvalidInput,
    UnsupportedInput,
    from_replicate,
)


def read(**inputs: Any) -> GenerationOptions:
    return from_replicate({"prompt": "p", **inputs})


def test_renamed_inputs_keep_their_values() -> None:
    options = read(image="face.jpg", num_outputs=4, output_format="jpg", guidance_scale=7.5)
    assert options == GenerationOptions(
        prompt="p",
        face_image="face.jpg",
        num_images_per_prompt=4,
        output_format="jpeg",
        guidance_scale=7.5,
    )


def test_null_means_not_given() -> None:
    assert read(seed=None, pose_image=None) == GenerationOptions(prompt="p")


def test_features_that_are_turned_off_are_accepted() -> None:
    off = {
        "enable_pose_controlnet": False,
        "enable_lcm": False,
        "lcm_guidance_scale": 1.5,
        "pose_strength": 0.4,
        "enhance_nonface_region": False,
        "disable_safety_checker": False,
        "sdxl_weights": "stable-diffusion-xl-base-1.0",
    }
    assert read(**off) == GenerationOptions(prompt="p")


def test_everything_that_is_lacking_is_named_at_once() -> None:
    with pytest.raises(
        UnsupportedInput, match=r"enable_lcm=True, sdxl_weights='other', nonsense=1"
    ):
        read(enable_lcm=True, sdxl_weights="other", nonsense=1, seed=3)


def test_data_uri_is_unpacked() -> None:
    uri = "data:image/png;base64," + base64.b64encode(b"photo").decode()
    assert read(image=uri, pose_image=b"raw").face_image == b"photo"


@pytest.mark.parametrize("uri", ["data:image/png;base64,@@@", "data:image/png,photo"])
def test_data_uri_that_cannot_be_unpacked_is_refused(uri: str) -> None:
    with pytest.raises(ImageUnreadable, match="image"):
        read(image=uri)


def test_client_does_not_fetch_pictures() -> None:
    with pytest.raises(UnsupportedInput, match="face_image: the client fetches nothing"):
        read(image="https://example.org/face.jpg")


def test_prompt_is_required() -> None:
    with pytest.raises(InvalidInput, match="prompt"):
        from_replicate({"image": "face.jpg"})
