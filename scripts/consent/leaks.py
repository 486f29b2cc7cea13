"""Leaks: requests with every ending against a real server, then a search of all that it leaves."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from instantid_client import Client, InstantIDError
from instantid_server.serving.remains import SHM
from instantid_server.serving.stubs import find_stubs
from instantid_server.trust.consent.issuing import attest
from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.consent.personal import PersonalThings
from scripts.control_port import is_ready, seconds_until
from scripts.known_keys import known_keys_folder
from scripts.local_server import LocalServer, local_server, server_name
from scripts.pocket.check import best_face
from scripts.reports import ROOT
from tests.e2e.collector import Collector, running_collector

PHOTO = ROOT / "tests" / "data" / "portrait_3.png"
PROMPT = "a watercolor portrait of Zanzibarqux in the mountains"
TIMEOUT_S = 120.0
NOTICE_S = 5.0
MEND_S = 240.0  # Triton starts again, on a busy machine
STEPS = 6
DEATHS = ("unet", "face_analysis", "instantid")


@dataclass(frozen=True)
class Search:
    """What was looked through, what was found in it, and what outlived the server."""

    places: int
    found: list[str]
    outliving: list[str]


class Server(Protocol):
    """What a running server is asked through."""

    @property
    def grpc_url(self) -> str:
        """Where it answers."""

    @property
    def control_url(self) -> str:
        """Where it says whether it is ready."""

    @property
    def process(self) -> subprocess.Popen[str]:
        """Its entry process."""


def search() -> Search:
    """Start a server with the default policy, use and abuse it, and search what it leaves."""
    things = personal_things(known_keys_folder())
    with tempfile.TemporaryDirectory(prefix="leaks-") as folder, running_collector() as collector:
        environment = {
            "TMPDIR": folder,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",  # ms; five seconds by default
        }
        with local_server(policy="", environment=environment) as server:
            answers = use(server, things, DEATHS)
            left = {**answers, **_left_by(server, Path(folder), collector)}
            name = server_name(server.process.pid)
        outliving = [path.name for path in (*Path(folder).rglob("*"), *SHM.glob(f"{name}*"))]
    found = [f"{thing} in {place}" for place in left for thing in things.found_in(left[place])]
    return Search(len(left), found, outliving)


def personal_things(keys_folder: Path) -> PersonalThings:
    """Return a drawn person's photo, and what else comes with a request, for a server's keys."""
    photo = PHOTO.read_bytes()
    faces = load_face_analysis(ROOT / "model_repository")
    embedding, _ = best_face(faces, np.asarray(Image.open(BytesIO(photo)).convert("RGB")))
    token = attest(photo, keys_folder, None, datetime.now(UTC))
    claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return PersonalThings(photo, embedding, PROMPT, claims["sub"], token)


def use(server: Server, things: PersonalThings, deaths: Sequence[str]) -> dict[str, bytes]:
    """Send requests that end in every way; return what came back, by what was asked.

    The processes of the models `deaths` are killed, each under a request.
    """
    request: dict[str, Any] = {
        "prompt": things.prompt,
        "face_image": things.photo,
        "consent_token": things.consent_token,
        "num_inference_steps": STEPS,
    }
    came: dict[str, bytes] = {}
    with Client(server.grpc_url, timeout_s=TIMEOUT_S) as client:

        def ask(name: str, what: Callable[[], object]) -> None:
            try:
                came[f"the answer of {name}"] = repr(what()).encode()
            except InstantIDError as error:
                came[f"the refusal of {name}"] = str(error).encode()

        picture = client.generate(**request).pictures[0]
        came["the picture"] = picture.encoded
        ask("verify", lambda: client.verify(picture.encoded))
        ask("a stream", lambda: [*client.stream(**request, preview_every=2)])
        ask("an enrolment", lambda: _without_card(client, things))
        forged = f"{things.consent_token[:-8]}AAAAAAAA"
        changes: dict[str, dict[str, Any]] = {
            "a forged token": {"consent_token": forged},
            "another photo": {"face_image": things.photo + b"\0"},
            "a cut photo": {"face_image": things.photo[: len(things.photo) // 2]},
            "undressing words": {"prompt": f"{things.prompt}, naked"},
            "a wrong number": {"num_inference_steps": 100_000},
            "a false card": {"face_image": None, "face_card": "A" * 4000},
        }
        for name, change in changes.items():
            ask(name, partial(client.generate, **{**request, **change}))
        for model in deaths:
            with ThreadPoolExecutor(1) as beside:
                asked = beside.submit(
                    ask, f"a death of {model}", partial(client.generate, **request)
                )
                _kill(server, model)
                asked.result()
                seconds_until(lambda: not is_ready(server.control_url), NOTICE_S)
            seconds_until(lambda: is_ready(server.control_url), MEND_S)
    return came


def _without_card(client: Client, things: PersonalThings) -> object:
    """Enrol and generate with the card, which is the caller's secret and may be in the answer."""
    enrolment = client.enroll(things.photo, consent_token=things.consent_token)
    generation = client.generate(
        prompt=things.prompt,
        face_card=enrolment.face_card,
        consent_token=things.consent_token,
        num_inference_steps=STEPS,
    )
    return replace(enrolment, face_card=""), generation


def _kill(server: Server, model: str) -> None:
    stubs = find_stubs(server_name(server.process.pid))
    for process_id in (pid for pid, served in stubs.items() if served == model):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)


def _left_by(server: LocalServer, folder: Path, collector: Collector) -> dict[str, bytes]:
    """Return by name what can be read of a server from outside: files, metrics, traces."""
    collector.wait_for(1, TIMEOUT_S)
    return {
        "the metrics": _get(f"http://{server.metrics_url}/metrics"),
        "the status": _get(f"http://{server.control_url}/status"),
        "the traces": collector.received,
        **files_in(folder),
        **files_in(server.records_path.parent),
    }


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file of a server's folder with its name, but not the programs it laid out."""
    inside = {path: path.relative_to(folder) for path in sorted(folder.rglob("*"))}
    return {
        f"the file {name}": str(name).encode() + path.read_bytes()
        for path, name in inside.items()
        if path.is_file() and not path.is_symlink() and "backends" not in name.parts
    }


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        content: bytes = answer.read()
    return content


def measure() -> Mapping[str, float]:
    """Return how much was found, of personal things and of files after the server's end."""
    searched = search()
    for finding in (*searched.found, *searched.outliving):
        print(f"leak: {finding}")
    return {
        "places_searched": searched.places,
        "leaks": len(searched.found) + len(searched.outliving),
    }
