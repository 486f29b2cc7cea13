"""A checkpoint in the released files' form, imported by the command and drawn with by a server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from instantid_client import Client, FaceNotFound, Generation
from instantid_server.contract import EMBEDDING_SIZE
from scripts.psnr import psnr_db
from tests.checkpoints.scale import REDUCED
from tests.checkpoints.source_set import write_source_set
from tests.e2e.photos import PORTRAIT
from tests.e2e.server import (
    ENSEMBLE_REPOSITORY,
    LENIENT,
    MODEL_REPOSITORY,
    START_TIMEOUT_S,
    RunningServer,
    running_server,
)
from tests.reference import ReferenceOptions, ReferencePipeline

pytestmark = pytest.mark.triton

PROMPT = "a comic portrait of a person with short brown hair, in the city"
SIZE = REDUCED.native_px
STEPS = 3
SAME_DB = 60.0  # rounding of the last bit at most
OTHER_DB = 40.0  # above it, a person would not see a difference
KEYPOINTS = np.array([(22, 29), (42, 29), (32, 40), (24, 51), (40, 51)], np.float32)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that `instantid import` has made of random weights."""
    folder = tmp_path_factory.mktemp("import")
    sources = write_source_set(folder / "sources", REDUCED)
    command = [str(Path(sys.executable).with_name("instantid")), "import", str(folder / "models")]
    command += ["--ip-adapter", str(sources.ip_adapter), "--identitynet", str(sources.identitynet)]
    command += ["--base", str(sources.base), "--faces", str(sources.faces)]
    command += ["--safety-checker", str(sources.safety_checker)]
    command += ["--allow-other-detector", "--allow-other-recogniser"]
    command += ["--model-repository", str(MODEL_REPOSITORY)]
    command += ["--ensemble-repository", str(ENSEMBLE_REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return folder / "models"


@pytest.fixture(scope="module")
def server(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, models=imported, policy=LENIENT) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.grpc_url, timeout_s=120) as opened:
        yield opened


@pytest.fixture(scope="module")
def reference(imported: Path) -> ReferencePipeline:
    return ReferencePipeline(imported, num_threads=2)


def embedding(seed: int) -> NDArray[np.float32]:
    """Return somebody's embedding, as long as the recogniser's are."""
    return np.random.default_rng(seed).standard_normal(EMBEDDING_SIZE).astype(np.float32)


def pixels(generation: Generation, k: int = 0) -> NDArray[np.uint8]:
    return np.asarray(generation.pictures[k].image)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"ip_adapter_scale": 1.0}, id="all-of-the-adapter"),
        pytest.param({"controlnet_conditioning_scale": 0.0}, id="no-identitynet"),
        pytest.param({"guidance_scale": 1.0, "num_images_per_prompt": 3}, id="three-unguided"),
    ],
)
def test_server_draws_what_the_reference_draws(client, reference, options) -> None:
    request = ReferenceOptions(PROMPT, num_inference_steps=STEPS, seed=11, **options)
    wanted = reference.generate(request, embedding(1), KEYPOINTS, SIZE, SIZE)
    got = client.generate(
        prompt=PROMPT,
        face_embedding=embedding(1),
        face_keypoints=KEYPOINTS,
        num_inference_steps=STEPS,
        seed=11,
        **options,
    )
    assert len(got.pictures) == len(wanted)
    for k, picture in enumerate(wanted):
        assert psnr_db(pixels(got, k), picture) >= SAME_DB


def test_another_face_makes_another_picture(client) -> None:
    one, other = (
        client.generate(
            prompt=PROMPT,
            face_embedding=embedding(who),
            face_keypoints=KEYPOINTS,
            num_inference_steps=STEPS,
            seed=11,
        )
        for who in (1, 2)
    )
    assert psnr_db(pixels(one), pixels(other)) < OTHER_DB


def test_imported_detector_looks_at_a_photo(client) -> None:
    with pytest.raises(FaceNotFound):  # the stand-in for antelopev2's sees no faces
        client.generate(prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS)
