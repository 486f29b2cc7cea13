"""What remote stages cost: one picture by a server with all its stages, and by one that asks it.

Both are on this machine and take turns, so the figures hold copies and gRPC, and no network's time.
"""

import argparse
import secrets
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from instantid_client import Client
from instantid_server.remote import REMOTE_STAGES
from scripts.local_server import WITHOUT_CONSENT, LocalServer, local_server
from scripts.psnr import psnr_db
from scripts.reports import ROOT, write_report

FACE = ROOT / "tests" / "data" / "portrait_1.png"
PROMPT = "a watercolor portrait of a person with long blond hair, in the mountains"
STEPS = 4  # they are no dearer: IdentityNet and the UNet stay where the loop is
TIMEOUT_S = 300.0
# Marks would tell two equal pictures apart.
POLICY = WITHOUT_CONSENT + '\n[mark]\nwatermarker = "none"\n'
PARTS = (*REMOTE_STAGES, "denoise_step", "total")

Figures = dict[str, float]


def main() -> int:
    """Measure, print and write `build/reports/remote.json`."""
    parser = argparse.ArgumentParser(prog="python -m scripts.remote_cost", description=__doc__)
    parser.add_argument("--pictures", type=int, default=15, help="of each server")
    num_pictures = parser.parse_args().pictures
    with _two_servers() as (whole, asking):
        figures = measure(whole, asking, num_pictures)
    for name, value in figures.items():
        print(f"{name:28} {value:10.2f}")
    print(write_report("remote", figures))
    return 0


def measure(whole: LocalServer, asking: LocalServer, num_pictures: int) -> Figures:
    """Return medians in milliseconds by part of a picture, here and remote."""
    with (
        Client(whole.grpc_url, timeout_s=TIMEOUT_S) as here,
        Client(asking.grpc_url, timeout_s=TIMEOUT_S) as there,
    ):
        first, second = (_draw(client)[1] for client in (here, there))  # also warms up
        pairs = [(_draw(here)[0], _draw(there)[0]) for _ in range(num_pictures)]
    figures: Figures = {"pictures": num_pictures, "steps": STEPS}
    figures["psnr_db"] = min(psnr_db(first, second), 99.0)  # equal pictures have no number
    for part in PARTS:
        key = f"{part}_ms"
        if key in pairs[0][0]:
            figures[f"{part}_here_ms"] = statistics.median(pair[0][key] for pair in pairs)
            figures[f"{part}_remote_ms"] = statistics.median(pair[1][key] for pair in pairs)
            figures[f"{part}_cost_ms"] = statistics.median(p[1][key] - p[0][key] for p in pairs)
    return figures


def _draw(client: Client) -> tuple[Figures, NDArray[np.uint8]]:
    drawn = client.generate(prompt=PROMPT, face_image=FACE, num_inference_steps=STEPS, seed=1)
    return dict(drawn.timings), np.asarray(drawn.pictures[0].image)


@contextmanager
def _two_servers() -> Iterator[tuple[LocalServer, LocalServer]]:
    with TemporaryDirectory(prefix="instantid-") as folder:
        key = Path(folder, "stage.key")
        key.touch(mode=0o600)
        key.write_text(secrets.token_urlsafe(32))
        shared = ("--stage-key", str(key))
        with local_server(policy=POLICY, flags=shared) as whole:
            remote = [f"--remote={stage}={whole.grpc_url}" for stage in REMOTE_STAGES]
            with local_server(policy=POLICY, flags=(*shared, *remote)) as asking:
                yield whole, asking


if __name__ == "__main__":
    sys.exit(main())
