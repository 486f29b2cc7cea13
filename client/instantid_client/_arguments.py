"""The options of a picture as command line flags, made from the contract."""

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from instantid_client._options import GenerationOptions
from instantid_server import contract
from instantid_server.contract import INSTANTID_STREAM, NUM_KEYPOINTS, TensorSpec

_SCALE = f"0 to {contract.MAX_CONDITIONING_SCALE:g}"
_HELP = {
    "negative_prompt": "what the picture must not show",
    "face_index": "which face of a photo with several, from left to right, counted from 0",
    "pose_image": "photo of a face whose place, size and turn the result gets",
    "face_keypoints": "the same as five points in pixels: eyes, nose, mouth corners",
    "width": "pixels (default: the weights' own)",
    "height": "pixels (default: the weights' own)",
    "num_inference_steps": f"1 to {contract.MAX_NUM_INFERENCE_STEPS} "
    f"(default: {contract.DEFAULT_NUM_INFERENCE_STEPS})",
    "guidance_scale": f"0 to {contract.MAX_GUIDANCE_SCALE:g}; at most 1: none "
    "(default: the weights' own)",
    "ip_adapter_scale": f"how strongly the face's look is kept, {_SCALE} "
    f"(default: {contract.DEFAULT_IP_ADAPTER_SCALE:g})",
    "controlnet_conditioning_scale": f"how strongly the face's build is kept, {_SCALE} "
    f"(default: {contract.DEFAULT_CONTROLNET_CONDITIONING_SCALE:g})",
    "control_guidance_start": "share of the steps before the face's build counts (default: 0)",
    "control_guidance_end": "share of the steps after which it counts no more (default: 1)",
    "scheduler": f"diffusers' class, or {', '.join(contract.SCHEDULERS)} "
    f"(default: {contract.DEFAULT_SCHEDULER})",
    "seed": "of the first picture; the next gets one more (default: any)",
    "num_images_per_prompt": f"1 to {contract.MAX_NUM_IMAGES_PER_PROMPT} (default: 1)",
    "output_format": f"{', '.join(contract.OutputFormat)} (default: OUT's ending, or png)",
    "output_quality": f"1 to 100, not of png (default: {contract.DEFAULT_OUTPUT_QUALITY})",
    "preview_every": f"steps between previews (default: {contract.DEFAULT_PREVIEW_EVERY})",
}
_TYPES: dict[str, Callable[[str], object]] = {
    "BYTES": str,
    "INT32": int,
    "INT64": int,
    "FP32": float,
}
# One of each request, not of all.
_ELSEWHERE = ("prompt", "face_image", "face_card", "face_embedding", "consent_token")


def add_option_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every input of the contract that all requests of a command share."""
    group = parser.add_argument_group("the picture", "Ranges are checked by the server.")
    for spec in INSTANTID_STREAM.inputs:
        if spec.name in _ELSEWHERE:
            continue
        group.add_argument(
            f"--{spec.name.replace('_', '-')}",
            type=_TYPES[spec.dtype],
            nargs=2 * NUM_KEYPOINTS if spec.name == "face_keypoints" else None,
            metavar=_metavar(spec),
            help=_HELP[spec.name].replace("%", "%%"),
        )


def shared_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, under the names of GenerationOptions."""
    names = [field.name for field in fields(GenerationOptions) if field.name not in _ELSEWHERE]
    given = {name: getattr(arguments, name) for name in names}
    points = given["face_keypoints"]
    if points is not None:
        given["face_keypoints"] = list(zip(points[::2], points[1::2], strict=True))
    return {name: value for name, value in given.items() if value is not None}


def _metavar(spec: TensorSpec) -> str | tuple[str, ...]:
    if spec.name == "face_keypoints":
        return ("X", "Y") * NUM_KEYPOINTS
    if spec.name == "pose_image":
        return "FILE"
    return {"BYTES": "TEXT", "FP32": "X"}.get(spec.dtype, "N")
