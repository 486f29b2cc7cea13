"""Renders the topologies of `ensemble_configs/*.toml` into the `config.pbtxt` files that serve.

    python -m scripts.render_profiles           # writes them
    python -m scripts.render_profiles --check   # fails if one differs, and names it
    python -m scripts.render_profiles --into DIR  # writes those of an imported repository as well

Tensors come from the contract; instances, limits and parameters from the profile. The profile `cpu`
is every model's `config.pbtxt`, any other one its `configs/<profile>.pbtxt`.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instantid_server.contract import MODELS, ModelSpec, TensorSpec
from instantid_server.importing.node_config import with_max_batch_size, with_parameter
from instantid_server.serving.page import DEFAULT_PROFILE
from instantid_server.settings import (
    FaceAnalysisSettings,
    PipelineSettings,
    TorchSettings,
    read_settings,
)
from scripts.profiles import Placement, Profile, QueuePolicy, read_profiles

ROOT = Path(__file__).parents[1]
DETECTION_SIZE_PX = 192  # what the pocket face detector was trained on; SCRFD of antelopev2: 640

PURPOSES = {
    "face_detector": "Boxes, scores and five keypoints of faces, on three scales.",
    "face_embedder": "The ArcFace embedding of an aligned face.",
    "face_analysis": "Every face of an encoded photo.",
    "text_encoder": "What both CLIP text encoders make of a prompt.",
    "id_resampler": "A face embedding as 16 identity tokens.",
    "identitynet": "Residuals that hold the face to its keypoints and identity.",
    "unet": "The noise in the latents of one step.",
    "denoise_step": "One step: the residuals of identitynet go to unet.",
    "vae_decoder": "Latents to pictures.",
    "vae_encoder": "Pictures to latents.",
    "safety": "Whether a picture may leave the server.",
    "credentials": "A picture marked, encoded and signed.",
    "instantid": "Public: one photo and a prompt in, pictures out.",
    "instantid_stream": "Public: the same as instantid, with progress and previews.",
    "instantid_cancel": "Public: takes requests back by their id.",
    "enroll": "Public: a photo's face, sealed for this server.",
    "verify": "Public: whether a picture is this server's, and unchanged.",
}
SETTINGS: dict[str, type[Any]] = {
    "face_analysis": FaceAnalysisSettings,
    "text_encoder": TorchSettings,
    "id_resampler": TorchSettings,
    "identitynet": TorchSettings,
    "unet": TorchSettings,
    "vae_decoder": TorchSettings,
    "vae_encoder": TorchSettings,
    "safety": TorchSettings,
    "instantid": PipelineSettings,
    "instantid_stream": PipelineSettings,
}
# (model, its tensor) -> name inside the ensemble, where it is not the tensor's own.
ENSEMBLE_NAMES = {
    ("identitynet", "batch_requests"): "identitynet_batch_requests",
    ("unet", "batch_requests"): "unet_batch_requests",
}
# Triton refuses an ensemble with a tensor that leads nowhere, as this one would: there, IdentityNet
# is a step of its own.
UNUSED_IN_ENSEMBLE = ("unet", "identitynet_batch_requests")


def render(spec: ModelSpec, profile: Profile) -> str:
    """Return the `config.pbtxt` of one model."""
    placement = profile.placements[spec.name]
    blocks = [
        _comment(spec, profile),
        _header(spec, placement),
        _tensors("input", spec, spec.inputs, profile.wire_dtype),
        _tensors("output", spec, spec.outputs, profile.wire_dtype),
    ]
    if spec.backend == "ensemble":
        blocks.append(_ensemble_scheduling(spec))
        return "\n".join(blocks)
    if spec.batches:
        blocks.append(_dynamic_batching(profile.queue))
    if spec.decoupled:
        blocks.append("model_transaction_policy {\n  decoupled: true\n}\n")
    blocks.append(_instance_group(placement))
    blocks.extend(
        f'parameters {{\n  key: "{name}"\n  value {{ string_value: "{value}" }}\n}}\n'
        for name, value in model_parameters(spec, profile).items()
    )
    return "\n".join(blocks)


def model_parameters(spec: ModelSpec, profile: Profile) -> dict[str, str]:
    """Return a model's `parameters`: the profile's, and those that follow from its other lines.

    Raises SettingsError for one that the node would refuse.
    """
    placement = profile.placements[spec.name]
    parameters = {name: _parameter(value) for name, value in placement.parameters.items()}
    settings = SETTINGS.get(spec.name)
    if settings is None:  # neither an ONNX model nor instantid_cancel has any of ours
        return parameters
    if settings is TorchSettings:
        parameters["device"] = "cuda" if placement.gpus else "cpu"
    elif settings is FaceAnalysisSettings:
        parameters["detection_size"] = str(DETECTION_SIZE_PX)
    elif settings is PipelineSettings:
        parameters["max_batch_rows"] = str(profile.placements["denoise_step"].max_batch_size)
        parameters["wire_dtype"] = profile.wire_dtype
    read_settings(settings, parameters)
    if placement.gpus:  # else Triton copies every input to the CPU first
        parameters["FORCE_CPU_ONLY_INPUT_TENSORS"] = "no"
    return dict(sorted(parameters.items()))


def config_path(spec: ModelSpec, profile_name: str) -> Path:
    """Return where a model's config of a profile lies, from the project's root."""
    repository = "ensemble_configs" if spec.backend == "ensemble" else "model_repository"
    file = "config.pbtxt" if profile_name == DEFAULT_PROFILE else f"configs/{profile_name}.pbtxt"
    return Path(repository, spec.name, file)


def render_all(profiles: Sequence[Profile]) -> dict[Path, str]:
    """Return every config of the project by its path from the root."""
    return {
        config_path(spec, profile.name): render(spec, profile)
        for profile in profiles
        for spec in MODELS.values()
    }


def render_into(repository: Path, profiles: Sequence[Profile]) -> dict[Path, str]:
    """Return the configs of an imported repository by their path in it.

    What its import wrote there because of the weights stays: the detection size, and a detector
    that could not be made to take batches.
    """
    detector, analysis = (
        (repository / name / "config.pbtxt").read_text()
        for name in ("face_detector", "face_analysis")
    )
    size = re.search(r'key: "detection_size"\s+value \{ string_value: "(\d+)"', analysis)
    if size is None:
        raise ValueError(f"{repository}: its face_analysis has no detection_size")
    one_by_one = "max_batch_size: 1\n" in detector
    rendered = {}
    for profile in profiles:
        for spec in MODELS.values():
            if spec.backend == "ensemble":  # shared by all repositories
                continue
            text = render(spec, profile)
            if spec.name == "face_analysis":
                text = with_parameter(text, "detection_size", size[1])
            elif spec.name == "face_detector" and one_by_one:
                text = with_max_batch_size(text, 1)
            rendered[config_path(spec, profile.name).relative_to("model_repository")] = text
    return rendered


def drifted(root: Path) -> list[Path]:
    """Return the configs under `root` that differ from what its profiles say."""
    rendered = render_all(read_profiles(root))
    existing = {
        path.relative_to(root)
        for repository in ("model_repository", "ensemble_configs")
        for path in (root / repository).rglob("*.pbtxt")
    }
    return sorted(
        path
        for path in rendered.keys() | existing
        if path not in existing or (root / path).read_text() != rendered.get(path)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the configs of this checkout."""
    parser = argparse.ArgumentParser(description="Render ensemble_configs/*.toml to config.pbtxt.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--into", type=Path, metavar="DIR", help="an imported repository as well")
    options = parser.parse_args(arguments)
    if options.check:
        differing = drifted(ROOT)
        for path in differing:
            print(f"{path} differs from its profile; run `make profiles`", file=sys.stderr)
        return 1 if differing else 0
    profiles = read_profiles(ROOT)
    _write(ROOT, render_all(profiles))
    if options.into is not None:
        _write(options.into, render_into(options.into, profiles))
    return 0


def _write(root: Path, configs: Mapping[Path, str]) -> None:
    for path, text in configs.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def _parameter(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _comment(spec: ModelSpec, profile: Profile) -> str:
    return f"# {PURPOSES[spec.name]} Rendered from {profile.name}.toml by `make profiles`.\n"


def _header(spec: ModelSpec, placement: Placement) -> str:
    kind = "platform" if spec.backend == "ensemble" else "backend"
    lines = [
        f'name: "{spec.name}"',
        f'{kind}: "{spec.backend}"',
        f"max_batch_size: {placement.max_batch_size}",
    ]
    if spec.backend == "onnxruntime":
        lines.append('default_model_filename: "model.onnx"')
    return "\n".join(lines) + "\n"


def _tensors(
    direction: str, spec: ModelSpec, tensors: Sequence[TensorSpec], wire_dtype: str
) -> str:
    # A node groups by shape itself; without this, Triton closes a batch at the first other shape.
    ragged = direction == "input" and spec.backend == "python" and spec.batches
    items = []
    for tensor in tensors:
        lines = [
            f'    name: "{tensor.name}"',
            f"    data_type: {_triton_type(tensor, wire_dtype)}",
            f"    dims: [ {', '.join(str(dim) for dim in tensor.dims)} ]",
        ]
        if tensor.optional:
            lines.append("    optional: true")
        if ragged and -1 in tensor.dims:
            lines.append("    allow_ragged_batch: true")
        items.append("  {\n" + "\n".join(lines) + "\n  }")
    return f"{direction} [\n" + ",\n".join(items) + "\n]\n"


def _triton_type(tensor: TensorSpec, wire_dtype: str) -> str:
    if tensor.dtype == "BYTES":
        return "TYPE_STRING"
    return f"TYPE_{wire_dtype if tensor.on_wire else tensor.dtype}"


def _dynamic_batching(queue: QueuePolicy) -> str:
    # No delay: it would be paid at every step, and requests gather while a batch runs anyway. The
    # timeout is not 0, for Triton ignores a caller's timeout unless it is shorter than this one.
    return (
        "dynamic_batching {\n"
        "  max_queue_delay_microseconds: 0\n"
        "  default_queue_policy {\n"
        "    timeout_action: REJECT\n"
        f"    default_timeout_microseconds: {queue.timeout_s * 1_000_000}\n"
        "    allow_timeout_override: true\n"
        f"    max_queue_size: {queue.max_queue_size}\n"
        "  }\n"
        "}\n"
    )


def _instance_group(placement: Placement) -> str:
    gpus = ", ".join(str(gpu) for gpu in placement.gpus)
    lines = [f"    count: {placement.count}"]
    lines += ["    kind: KIND_GPU", f"    gpus: [ {gpus} ]"] if gpus else ["    kind: KIND_CPU"]
    return "instance_group [\n  {\n" + "\n".join(lines) + "\n  }\n]\n"


def _ensemble_scheduling(spec: ModelSpec) -> str:
    steps = []
    for name in spec.calls:
        step = MODELS[name]
        lines = [f'      model_name: "{name}"', "      model_version: -1"]
        for direction, tensors in (("input", step.inputs), ("output", step.outputs)):
            lines.extend(
                f'      {direction}_map {{ key: "{tensor.name}" '
                f'value: "{ENSEMBLE_NAMES.get((name, tensor.name), tensor.name)}" }}'
                for tensor in tensors
                if (name, tensor.name) != UNUSED_IN_ENSEMBLE or direction == "input"
            )
        steps.append("    {\n" + "\n".join(lines) + "\n    }")
    return "ensemble_scheduling {\n  step [\n" + ",\n".join(steps) + "\n  ]\n}\n"


if __name__ == "__main__":
    raise SystemExit(main())
