"""Pictures from the real server: the right ones, the same ones, together or alone."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from urllib.request import urlopen

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from instantid_client import AsyncClient, Client, Generation, Preview, Progress
from instantid_server.contract import MODELS, PUBLIC_MODELS
from scripts.psnr import psnr_db
from scripts.render_profiles import DETECTION_SIZE_PX
from scripts.triton_metrics import read_counters
from tests.e2e.photos import OTHER_PORTRAIT, PORTRAIT, portrait
from tests.e2e.server import MODEL_REPOSITORY, RunningServer
from tests.reference import ReferenceOptions, ReferencePipeline

pytestmark = pytest.mark.triton

PROMPT = "a comic portrait of a person with short brown hair, in the city"
SIZE = 128
STEPS = 6
SAME_DB = 60.0  # server against reference: rounding of the last bit at most
BATCHED_DB = 50.0  # alone against batched: matrix products add up in another order


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.grpc_url, timeout_s=120) as opened:
        yield opened


@pytest.fixture(scope="module")
def reference() -> ReferencePipeline:
    return ReferencePipeline(MODEL_REPOSITORY, num_threads=2)


@pytest.fixture(scope="module")
def face(reference: ReferencePipeline) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embedding and keypoints of the portrait, the latter in pixels of the result."""
    found = reference.find_face(portrait(), DETECTION_SIZE_PX)
    return found.embedding, found.kps * (SIZE / portrait().width)


def pixels(generation: Generation, k: int = 0) -> NDArray[np.uint8]:
    return np.asarray(generation.pictures[k].image)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"guidance_scale": 1.0, "num_images_per_prompt": 3}, id="three-unguided"),
        pytest.param(
            {"scheduler": "EulerAncestralDiscreteScheduler", "num_images_per_prompt": 2},
            id="two-ancestral",
        ),
        pytest.param(
            {"scheduler": "DPMSolverMultistepScheduler", "control_guidance_end": 0.5},
            id="window-ends-early",
        ),
        pytest.param({"ip_adapter_scale": 0.0, "negative_prompt": "hat"}, id="no-adapter"),
        pytest.param({"controlnet_conditioning_scale": 0.0}, id="no-identitynet"),
    ],
)
def test_server_draws_what_the_reference_draws(client, reference, face, options) -> None:
    embedding, keypoints = face
    wanted = reference.generate(
        ReferenceOptions(PROMPT, num_inference_steps=STEPS, seed=11, **options),
        embedding,
        keypoints,
        SIZE,
        SIZE,
    )
    got = client.generate(
        prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS, seed=11, **options
    )
    assert len(got.pictures) == len(wanted)
    for k, picture in enumerate(wanted):
        assert psnr_db(pixels(got, k), picture) >= SAME_DB


def test_same_request_gives_the_same_pixels(client) -> None:
    first, second = (
        client.generate(prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS, seed=3)
        for _ in range(2)
    )
    assert np.array_equal(pixels(first), pixels(second))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_both_protocols_give_the_same_picture(server, client, protocol) -> None:
    url = server.http_url if protocol == "http" else server.grpc_url
    with Client(url, protocol=protocol, timeout_s=120) as other:
        got = other.generate(prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS, seed=3)
    wanted = client.generate(prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS, seed=3)
    assert np.array_equal(pixels(got), pixels(wanted))


def test_stream_tells_every_step_then_the_same_picture(client) -> None:
    request = {"prompt": PROMPT, "face_image": PORTRAIT, "num_inference_steps": STEPS, "seed": 3}
    *told, result = client.stream(**request, preview_every=2)
    assert [event.step for event in told if isinstance(event, Progress | Preview)] == [
        *range(1, STEPS + 1)
    ]
    previews = [event for event in told if isinstance(event, Preview)]
    assert [preview.step for preview in previews] == [2, 4]
    assert previews[0].images[0].size == (SIZE, SIZE)  # enlarged for the label
    assert isinstance(result, Generation)
    assert np.array_equal(pixels(result), pixels(client.generate(**request)))


def test_picture_k_can_be_had_again_alone(client) -> None:
    together = client.generate(
        prompt=PROMPT,
        face_image=PORTRAIT,
        num_inference_steps=STEPS,
        seed=2**63 - 2,
        num_images_per_prompt=3,
    )
    assert [picture.seed for picture in together.pictures] == [2**63 - 2, 2**63 - 1, -(2**63)]
    alone = client.generate(
        prompt=PROMPT,
        face_image=PORTRAIT,
        num_inference_steps=STEPS,
        seed=together.pictures[2].seed,
    )
    assert psnr_db(pixels(together, 2), pixels(alone)) >= BATCHED_DB


def test_callers_share_batches_and_keep_their_pictures(server, client) -> None:
    requests = [
        {
            "prompt": f"a portrait of a person with {colour} hair",
            "face_image": photo,
            "num_inference_steps": steps,
            "guidance_scale": guidance,
            "scheduler": scheduler,
            "seed": seed,
        }
        for seed, (colour, photo, steps, guidance, scheduler) in enumerate(
            [
                ("red", PORTRAIT, 12, 5.0, "euler"),
                ("black", OTHER_PORTRAIT, 15, 1.0, "ddim"),
                ("blond", PORTRAIT, 18, 3.0, "dpm++"),
                ("grey", OTHER_PORTRAIT, 12, 7.0, "euler_a"),
            ]
            * 2
        )
    ]
    alone = [client.generate(**request) for request in requests]
    before = read_counters(server.metrics_url, "unet")
    with ThreadPoolExecutor(len(requests)) as callers:
        together = list(callers.map(lambda request: client.generate(**request), requests))
    steps = read_counters(server.metrics_url, "unet").since(before)
    for one, shared in zip(alone, together, strict=True):
        assert psnr_db(pixels(one), pixels(shared)) >= BATCHED_DB
    assert steps.requests == 2 * (12 + 15 + 18 + 12)
    assert steps.mean_batch > 1.2
    assert max(generation.timings["mean_batch_unet"] for generation in together) > 1.2


def test_async_client_draws_the_same_picture(server, client) -> None:
    request = {"prompt": PROMPT, "face_image": PORTRAIT, "num_inference_steps": STEPS, "seed": 3}

    async def generate() -> Generation:
        async with AsyncClient(server.grpc_url, timeout_s=120) as other:
            return await other.generate(**request)

    got = asyncio.run(generate())
    assert np.array_equal(pixels(got), pixels(client.generate(**request)))


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_picture_comes_in_the_format_asked_for(client, output_format) -> None:
    got = client.generate(
        prompt=PROMPT,
        face_image=PORTRAIT,
        num_inference_steps=2,
        output_format=output_format,
        width=SIZE + 64,
    )
    picture = Image.open(BytesIO(got.pictures[0].encoded))
    assert (picture.format or "").lower() == output_format
    assert picture.size == (SIZE + 64, SIZE)


def test_triton_describes_the_public_models(server) -> None:
    for name in PUBLIC_MODELS:
        with urlopen(f"http://{server.http_url}/v2/models/{name}") as answer:
            described = json.load(answer)
        for side in ("inputs", "outputs"):
            wanted = [(spec.name, spec.dtype, [*spec.dims]) for spec in getattr(MODELS[name], side)]
            got = [(spec["name"], spec["datatype"], spec["shape"]) for spec in described[side]]
            assert sorted(got) == sorted(wanted)
