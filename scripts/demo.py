"""The demo: one photo, one prompt, one picture, on a server that lives as long as this script."""

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from instantid_client import Client, Generation, InstantIDError, Preview
from instantid_server.stages.pose import KeypointMapSize, draw_keypoints
from instantid_server.trust.consent.issuing import attest
from scripts.contact_sheet import Tile, contact_sheet
from scripts.known_keys import known_keys_folder
from scripts.local_server import local_server
from scripts.reports import ROOT, write_report

FACE = ROOT / "tests" / "data" / "portrait_1.png"  # a drawn person the weights never saw
PROMPT = (
    "a watercolor portrait of a person with long blond hair, wearing a blue sweater, smiling, "
    "in the mountains, in daylight"
)
SEED = 7
NUM_INFERENCE_STEPS = 30
PREVIEW_EVERY = 8
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Drawing:
    """What came back, and how long it took."""

    generation: Generation
    previews: list[Preview]
    seconds: float


def main() -> int:
    """Run the demo and return the exit status."""
    options = _read_arguments()
    started = perf_counter()
    print("starting the server ...", flush=True)
    with local_server(policy="") as server:
        server_seconds = perf_counter() - started
        print(server.ready_line, flush=True)
        try:
            drawing = _draw(server.grpc_url, options)
        except InstantIDError as error:
            print(error, file=sys.stderr)
            return 1
    options.output.mkdir(parents=True, exist_ok=True)
    _save(drawing, options)
    _print_figures(drawing, server_seconds, options.output)
    return 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face", type=Path, default=FACE, help="photo of one face")
    parser.add_argument(
        "--i-have-consent", action="store_true", help="the person on the photo agrees"
    )
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, default=NUM_INFERENCE_STEPS)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo", help="folder")
    return parser.parse_args()


def _draw(url: str, options: argparse.Namespace) -> Drawing:
    started = perf_counter()
    previews: list[Preview] = []
    with Client(url, timeout_s=TIMEOUT_S) as client:
        for event in client.stream(
            prompt=options.prompt,
            face_image=options.face,
            consent_token=_consent(options),
            seed=options.seed,
            num_inference_steps=options.steps,
            preview_every=PREVIEW_EVERY,
        ):
            if isinstance(event, Preview):
                previews.append(event)
            if isinstance(event, Generation):
                return Drawing(event, previews, perf_counter() - started)
    raise AssertionError("a stream ends with a Generation or an error")


def _consent(options: argparse.Namespace) -> str | None:
    """Return the caller's own word; without it, the client takes the token beside the photo."""
    if not options.i_have_consent:
        return None
    return attest(options.face.read_bytes(), known_keys_folder(), None, datetime.now(UTC))


def _save(drawing: Drawing, options: argparse.Namespace) -> None:
    picture = drawing.generation.pictures[0]
    picture.save(options.output / "picture.png")
    similarity = picture.identity_similarity
    tiles: list[Tile] = [
        ("reference", Image.open(options.face)),
        ("keypoint map", _keypoint_map(drawing.generation, picture.image.size)),
        *((f"preview, step {shown.step}", shown.images[0]) for shown in drawing.previews),
        ("no face found" if similarity is None else f"result, identity {similarity:.2f}",
         picture.image),
    ]  # fmt: skip
    contact_sheet([tiles]).save(options.output / "contact_sheet.png")


def _keypoint_map(generation: Generation, size: tuple[int, int]) -> Image.Image:
    folder = ROOT / "model_repository" / "identitynet" / "1"
    map_size = KeypointMapSize(**json.loads((folder / "keypoint_map.json").read_text()))
    points = np.array(generation.face_keypoints, np.float32)
    return Image.fromarray(draw_keypoints(points, size[1], size[0], map_size))


def _print_figures(drawing: Drawing, server_seconds: float, output: Path) -> None:
    picture = drawing.generation.pictures[0]
    timings = drawing.generation.timings
    print(f"picture        {output / 'picture.png'}")
    print(f"contact sheet  {output / 'contact_sheet.png'}")
    for name, milliseconds in timings.items():
        if name.endswith("_ms"):
            print(f"{name.removesuffix('_ms'):14} {milliseconds:8.1f} ms")
    print(f"steps          {timings['steps']:g}")
    print(f"seed           {picture.seed}")
    similarity = picture.identity_similarity
    told = picture.identity_note if similarity is None else f"{similarity:.3f}"
    print(f"identity       {told}")
    figures = {"server_start_s": server_seconds, "request_s": drawing.seconds, **timings}
    if similarity is not None:
        figures["identity_similarity"] = similarity
    print(f"figures        {write_report('demo', figures)}")


if __name__ == "__main__":
    sys.exit(main())
