"""The options of a picture, named as the server's inputs.

An option that is None is not sent, and the server's default holds. Ranges are checked there too.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

ImageSource: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image"
EmbeddingSource: TypeAlias = Sequence[float] | NDArray[np.float32]
KeypointsSource: TypeAlias = Sequence[Sequence[float]] | NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """One request: a prompt, a face as photo, card or embedding, and whatever else is wanted."""

    prompt: str
    negative_prompt: str | None = None
    face_image: "ImageSource | None" = None  # a path, encoded bytes, or a PIL image
    face_card: str | None = None  # of `enroll`, in the photo's place
    face_embedding: EmbeddingSource | None = None  # (512,), raw ArcFace, where the server takes it
    consent_token: str | None = None  # None: the one beside the photo, in <photo>.consent
    face_index: int | None = None  # which face of a photo with several
    pose_image: "ImageSource | None" = None  # whose keypoints the result gets
    face_keypoints: KeypointsSource | None = None  # (5, 2), pixels of the result: x, y
    width: int | None = None  # pixels, like height
    height: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    ip_adapter_scale: float | None = None
    controlnet_conditioning_scale: float | None = None
    control_guidance_start: float | None = None  # a fraction of the steps, like the end
    control_guidance_end: float | None = None
    scheduler: str | None = None  # diffusers' class name, or short: euler, ddim, ...
    seed: int | None = None  # picture k gets seed + k
    num_images_per_prompt: int | None = None
    output_format: str | None = None  # png, jpeg or webp
    output_quality: int | None = None
    preview_every: int | None = None  # steps between previews; of `stream` alone


P = ParamSpec("P")
OptionsT = TypeVar("OptionsT")
ClientT = TypeVar("ClientT")
ReturnT = TypeVar("ReturnT")


def as_keywords(
    options_type: Callable[P, OptionsT],
) -> Callable[[Callable[[ClientT, OptionsT], ReturnT]], Callable[Concatenate[ClientT, P], ReturnT]]:
    """Let a method that takes an `options_type` be called with the fields of it as keywords.

    The fields are thus listed once, in the dataclass, and still checked by mypy at each call.
    """

    def decorate(
        method: Callable[[ClientT, OptionsT], ReturnT],
    ) -> Callable[Concatenate[ClientT, P], ReturnT]:
        def call(self: ClientT, /, *args: P.args, **kwargs: P.kwargs) -> ReturnT:
            return method(self, options_type(*args, **kwargs))

        update_wrapper(call, method)
        own = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
        fields = signature(options_type).parameters.values()
        vars(call)["__signature__"] = signature(method).replace(parameters=(own, *fields))
        return call

    return decorate
