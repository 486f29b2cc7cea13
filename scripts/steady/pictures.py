"""Requests whose pictures are known: drawn once in this process, by the tests' reference."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from instantid_client import Picture
from instantid_server.trust.marks.watermarker import Watermarker
from scripts.known_keys import known_mark
from scripts.psnr import psnr_db
from scripts.render_profiles import DETECTION_SIZE_PX
from scripts.reports import ROOT
from tests.reference import ReferenceOptions, ReferencePipeline

SAME_DB = 50.0  # what sharing a batch may change: the order in which products are added up
SIZE_PX = 128
_DATA = ROOT / "tests" / "data"


@dataclass(frozen=True)
class KnownPicture:
    """A request, as keywords for the client, and its picture."""

    request: Mapping[str, Any]
    pixels: NDArray[np.uint8]
    mark: Watermarker | None  # what the server marks its pictures with

    def is_right(self, picture: Picture) -> bool:
        """Tell whether `picture` is the known one."""
        try:
            drawn = np.asarray(picture.image)
        except (OSError, ValueError):  # cut off, or no picture at all
            return False
        if drawn.shape != self.pixels.shape:
            return False
        known = self.pixels
        if self.mark is not None:
            known = self.mark.embed(known, picture.record_id)
        return psnr_db(drawn, known) >= SAME_DB


def draw_known_pictures(steps: int) -> tuple[KnownPicture, ...]:
    """Return the known pictures of this checkout's weights."""
    pipeline = ReferencePipeline(ROOT / "model_repository", num_threads=2)
    return known_pictures(pipeline, steps, known_mark())


def known_pictures(
    pipeline: ReferencePipeline, steps: int, mark: Watermarker | None
) -> tuple[KnownPicture, ...]:
    """Return requests that differ in face, prompt, guidance, scheduler and length."""
    asked = (
        ReferenceOptions("a portrait of a person with red hair", num_inference_steps=steps),
        ReferenceOptions(
            "a comic portrait of a person at night",
            num_inference_steps=steps + 3,
            guidance_scale=3.0,
        ),
        ReferenceOptions(
            "a watercolor portrait of a person at the beach",
            num_inference_steps=steps,
            guidance_scale=1.0,
        ),
        ReferenceOptions(
            "a portrait of a person in a garden",
            num_inference_steps=steps + 1,
            scheduler="DDIMScheduler",
        ),
    )
    portraits = sorted(_DATA.glob("portrait_*.png"))
    return tuple(
        _draw(pipeline, replace(options, seed=seed), portraits[seed], mark)
        for seed, options in enumerate(asked)
    )


def _draw(
    pipeline: ReferencePipeline, options: ReferenceOptions, portrait: Path, mark: Watermarker | None
) -> KnownPicture:
    photo = Image.open(portrait)
    face = pipeline.find_face(photo, DETECTION_SIZE_PX)
    keypoints = face.kps * (SIZE_PX / photo.width)
    (pixels,) = pipeline.generate(options, face.embedding, keypoints, SIZE_PX, SIZE_PX)
    request = {
        "prompt": options.prompt,
        "face_image": portrait.read_bytes(),
        "num_inference_steps": options.num_inference_steps,
        "scheduler": options.scheduler,
        "seed": options.seed,
    }
    if options.guidance_scale is not None:
        request["guidance_scale"] = options.guidance_scale
    return KnownPicture(request, pixels, mark)
