"""An album: the pictures that a server draws of cases, for several callers at once."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from instantid_client import Client, FaceNotFound, OutputUnsafe, SeveralFaces
from scripts.evaluate.cases import Case
from scripts.pocket.arrays import Picture
from scripts.pocket.captions import full_caption

STEPS = 20
_CALLERS = 8  # as many pictures as the default profile draws at once; its steps then share batches
_TIMEOUT_S = 300.0
_RETRIES = 5  # of a server that other callers keep busy too
_REFUSALS = (FaceNotFound, SeveralFaces, OutputUnsafe)  # the only errors that a drawing may cause
_PROGRESS_EVERY = 100


@dataclass(frozen=True)
class Album:
    """A picture of each case, or the code of the error that came in its place."""

    pictures: Mapping[Case, Picture]
    refusals: Mapping[Case, str]

    def pictures_of(self, cases: Sequence[Case]) -> list[Picture | None]:
        """Return the pictures of those cases; None for one that was refused.

        Raises KeyError for a case that was never asked for.
        """
        return [None if case in self.refusals else self.pictures[case] for case in cases]


def patient_client(url: str) -> Client:
    """Return a client that waits for its turn on a server with many callers."""
    return Client(url, timeout_s=_TIMEOUT_S, retries=_RETRIES)


def ask_server(client: Client, cases: Iterable[Case], steps: int = STEPS) -> Album:
    """Return the album of all cases, each asked for once.

    Raises the server's error if it is one that no drawing can cause.
    """
    unique = list(dict.fromkeys(cases))
    pictures: dict[Case, Picture] = {}
    refusals: dict[Case, str] = {}
    with ThreadPoolExecutor(_CALLERS) as callers:
        answers = callers.map(lambda case: _ask(client, case, steps), unique)
        for done, (case, answer) in enumerate(zip(unique, answers, strict=True), start=1):
            if isinstance(answer, str):
                refusals[case] = answer
            else:
                pictures[case] = answer
            if done % _PROGRESS_EVERY == 0:
                print(f"{done} of {len(unique)} pictures", flush=True)
    return Album(pictures, refusals)


def _ask(client: Client, case: Case, steps: int) -> Picture | str:
    """Return the picture, or the code of the refusal."""
    try:
        generation = client.generate(
            prompt=full_caption(case.scene),
            face_image=_encoded(case.reference.picture),
            face_keypoints=case.truth.keypoints,
            seed=case.seed,
            num_inference_steps=steps,
            ip_adapter_scale=case.dials.ip_adapter_scale,
            controlnet_conditioning_scale=case.dials.controlnet_conditioning_scale,
        )
    except _REFUSALS as refusal:
        return refusal.code
    return np.asarray(generation.pictures[0].image.convert("RGB"))


def _encoded(picture: Picture) -> bytes:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
