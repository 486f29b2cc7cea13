"""What consent and audit add to a request, as the server itself times them."""

import statistics
from collections.abc import Mapping
from pathlib import Path

from instantid_client import Client
from scripts.local_server import LocalServer
from scripts.reports import ROOT

PHOTO = ROOT / "tests" / "data" / "portrait_1.png"  # with its consent beside it
PROMPT = "a portrait of a person in a garden"
STEPS = 2  # consent costs the same for a longer picture
TIMEOUT_S = 120.0


def measure(server: LocalServer, requests: int) -> dict[str, float]:
    """Return the medians of a server with the default policy, in milliseconds."""
    with Client(server.grpc_url, timeout_s=TIMEOUT_S) as client:
        timings = [_draw(client, PHOTO) for _ in range(requests + 1)][1:]  # the first one warms up
    permits = [timing["permits_ms"] for timing in timings]
    record = [timing["record_ms"] for timing in timings]
    added = [first + second for first, second in zip(permits, record, strict=True)]
    return {
        "permits_p50_ms": statistics.median(permits),
        "record_p50_ms": statistics.median(record),
        "added_p50_ms": statistics.median(added),
    }


def _draw(client: Client, photo: Path) -> Mapping[str, float]:
    return client.generate(prompt=PROMPT, face_image=photo, num_inference_steps=STEPS).timings
