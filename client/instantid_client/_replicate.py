"""The inputs of InstantID's model on Replicate, read as options of ours.

Many programs have that model's names built in. Those that mean the same are translated. Those that
turn on what this server does not have are refused, unless they turn it off.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from instantid_client._errors import ImageUnreadable, InvalidInput, UnsupportedInput
from instantid_client._options import GenerationOptions
from instantid_server.contract import OutputFormat

_RENAMED = {
    "image": "face_image",
    "num_outputs": "num_images_per_prompt",
}
_SAME = frozenset(
    {
        "prompt",
        "negative_prompt",
        "pose_image",
        "scheduler",
        "num_inference_steps",
        "guidance_scale",
        "ip_adapter_scale",
        "controlnet_conditioning_scale",
        "seed",
        "output_format",
        "output_quality",
    }
)
# What each input must be for a server that has nothing behind it.
_ONLY_AS: dict[str, object] = {
    "enable_pose_controlnet": False,
    "enable_canny_controlnet": False,
    "enable_depth_controlnet": False,
    "enable_lcm": False,
    "enhance_nonface_region": False,
    "disable_safety_checker": False,
    "sdxl_weights": "stable-diffusion-xl-base-1.0",
    "face_detection_input_width": 640,
    "face_detection_input_height": 640,
}
# Inputs of the features above: without the feature they mean nothing.
_IDLE = frozenset(
    {
        "pose_strength",
        "canny_strength",
        "depth_strength",
        "lcm_num_inference_steps",
        "lcm_guidance_scale",
    }
)


def from_replicate(inputs: Mapping[str, object]) -> GenerationOptions:
    """Return the options that `inputs`, with the names of Replicate's model, ask for.

    Pictures are paths, bytes or data URIs. Raises UnsupportedInput, naming all that is.
    """
    given = {name: value for name, value in inputs.items() if value is not None}
    unsupported = [name for name, value in given.items() if not _is_supported(name, value)]
    if unsupported:
        raise UnsupportedInput(", ".join(f"{name}={given[name]!r:.40}" for name in unsupported))
    # The values are JSON's; `tensors_of` checks the type of each.
    options: dict[str, Any] = {
        _RENAMED.get(name, name): value
        for name, value in given.items()
        if name in _RENAMED or name in _SAME
    }
    if "prompt" not in options:
        raise InvalidInput("prompt: expected a string, got nothing")
    if options.get("output_format") == "jpg":
        options["output_format"] = OutputFormat.JPEG.value
    for name in ("face_image", "pose_image"):
        if name in options:
            options[name] = _picture(name, options[name])
    return GenerationOptions(**options)


def _is_supported(name: str, value: object) -> bool:
    if name in _ONLY_AS:
        return value == _ONLY_AS[name]
    return name in _RENAMED or name in _SAME or name in _IDLE


def _picture(name: str, value: object) -> object:
    """Return `value`, or the bytes inside it if it is a data URI."""
    if not isinstance(value, str):
        return value
    if value.startswith(("http://", "https://")):
        raise UnsupportedInput(
            f"{name}: the client fetches nothing; give a path, bytes or a data URI"
        )
    if not value.startswith("data:"):
        return value
    header, _, payload = value.partition(",")
    if not header.endswith(";base64"):
        raise ImageUnreadable(f"{name}: expected a data URI in base64, got {header!r:.40}")
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as error:
        raise ImageUnreadable(f"{name}: the data URI is not base64: {error}") from error
