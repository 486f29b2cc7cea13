"""What a `generate` command line asks for: its requests, and where their pictures go."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from instantid_client._arguments import shared_options
from instantid_client._consent import consent_beside
from instantid_client._consent_flags import with_consent
from instantid_client._console import UsageError
from instantid_client._endpoint import Protocol, parse_endpoint
from instantid_client._errors import InvalidInput
from instantid_client._options import GenerationOptions
from instantid_client._outcome import Job
from instantid_client._outputs import Output, parse_output, request_names
from instantid_client._replicate import from_replicate

_EMBEDDING_SUFFIX = ".npy"
_CARD_SUFFIX = ".card"
_FACE_OF_FILE = "replicate"  # how a face is called that came in a Replicate file


@dataclass(frozen=True)
class Plan:
    """What a command line asks for."""

    jobs: tuple[Job, ...]
    output: Output
    previews: Path | None
    streams: bool
    concurrency: int
    priority_class: str | None


def read_plan(arguments: argparse.Namespace) -> Plan:
    """Return the plan; raises UsageError or InvalidInput before anything is sent."""
    if arguments.concurrency < 1:
        raise UsageError(f"--concurrency: expected 1 or more, got {arguments.concurrency}")
    if arguments.preview_every is not None and arguments.previews is None:
        raise UsageError("--preview-every: give --previews DIR as well")
    options = _base_options(arguments)
    faces: list[str | None] = arguments.face if arguments.face else [None]
    prompts: list[str] = arguments.prompt if arguments.prompt else [options.prompt]
    count = options.num_images_per_prompt
    output = parse_output(
        arguments.output,
        several=len(faces) * len(prompts) > 1 or (count is not None and count > 1),
        output_format=options.output_format,
    )
    if output.output_format is not None:
        options = replace(options, output_format=output.output_format.value)
    endpoint = parse_endpoint(arguments.url, arguments.protocol)
    streams = endpoint.protocol is Protocol.GRPC or arguments.previews is not None
    if streams and arguments.previews is None:
        options = replace(options, preview_every=0)
    jobs = tuple(
        replace(job, options=with_consent(job.options, arguments))
        for job in _jobs(options, faces, prompts)
    )
    return Plan(
        jobs, output, arguments.previews, streams, arguments.concurrency, arguments.priority_class
    )


def _base_options(arguments: argparse.Namespace) -> GenerationOptions:
    """Return the options that all requests share, with the face and prompt of a Replicate file."""
    shared = shared_options(arguments)
    if arguments.replicate_json is not None:
        return replace(_read_replicate(arguments.replicate_json), **shared)
    if not arguments.face or not arguments.prompt:
        raise UsageError("generate needs FACE and --prompt, or --replicate-json")
    return GenerationOptions(prompt=arguments.prompt[0], **shared)


def _read_replicate(path: Path) -> GenerationOptions:
    try:
        inputs = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"--replicate-json: {path}: {error}") from error
    if not isinstance(inputs, dict):
        raise InvalidInput(f"--replicate-json: expected an object, got {type(inputs).__name__}")
    # A request as it goes over the wire holds the inputs one level down.
    nested = inputs.get("input", inputs)
    return from_replicate(nested if isinstance(nested, dict) else inputs)


def _jobs(
    options: GenerationOptions, faces: Sequence[str | None], prompts: Sequence[str]
) -> tuple[Job, ...]:
    pairs = list(product(faces, prompts))
    labels = [_FACE_OF_FILE if face is None else face for face, _ in pairs]
    names = request_names(
        [(label, prompt) for label, (_, prompt) in zip(labels, pairs, strict=True)]
    )
    return tuple(
        Job(name, label, _with_face(options, face, prompt))
        for name, label, (face, prompt) in zip(names, labels, pairs, strict=True)
    )


def _with_face(options: GenerationOptions, face: str | None, prompt: str) -> GenerationOptions:
    if face is None:
        return replace(options, prompt=prompt)
    suffix = Path(face).suffix
    if suffix not in (_CARD_SUFFIX, _EMBEDDING_SUFFIX):
        return replace(options, prompt=prompt, face_image=face)
    without_photo = replace(options, prompt=prompt, face_image=None)
    kind = "face_card" if suffix == _CARD_SUFFIX else "face_embedding"
    try:
        if suffix == _CARD_SUFFIX:
            token = consent_beside(Path(face).with_suffix(""))  # that of the card's photo
            card = Path(face).read_text().strip()
            return replace(without_photo, face_card=card, consent_token=token)
        return replace(without_photo, face_embedding=np.load(face, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{kind}: {face}: {error}") from error
