"""What people and programs send wrongly: refused by name, and nobody else is hurt."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from instantid_client import Client, Generation
from scripts.psnr import psnr_db
from tests.e2e import photos
from tests.e2e.raw import Arrays, infer_grpc, infer_http, text
from tests.e2e.server import RunningServer

pytestmark = pytest.mark.triton

REFUSED_WITHIN_S = 1.0
BATCHED_DB = 50.0  # what sharing a batch may change: the order in which products are added up


def good() -> dict[str, Any]:
    return {
        "prompt": text("a portrait of a person with red hair"),
        "face_image": text(photos.PORTRAIT.read_bytes()),
        "num_inference_steps": np.array([2], np.int32),
    }


def integer(value: int) -> Any:
    return np.array([value], np.int32)


def number(value: float) -> Any:
    return np.array([value], np.float32)


def embedding(length: int = 512, spoilt: float | None = None) -> Any:
    values = np.ones(length, np.float32)
    if spoilt is not None:
        values[3] = spoilt
    return values


def keypoints(value: float) -> Any:
    return np.full((5, 2), value, np.float32)


# What replaces or joins the good request; None takes an input away.
CASES = [
    pytest.param({"prompt": text("")}, "INVALID_INPUT", "prompt", id="empty-prompt"),
    pytest.param({"prompt": text(b"\xff\xfe")}, "INVALID_INPUT", "prompt", id="not-utf-8"),
    pytest.param({"prompt": text("a " * 2**19)}, "INVALID_INPUT", "prompt", id="1-MB-prompt"),
    pytest.param({"prompt": text("a " * 2000)}, "INVALID_INPUT", "tokens", id="2000-words"),
    pytest.param({"face_image": None}, "INVALID_INPUT", "face_image", id="no-face-given"),
    pytest.param({"face_embedding": embedding()}, "INVALID_INPUT", "both", id="two-faces-given"),
    pytest.param(
        {"face_image": text(photos.NO_FACE.read_bytes())},
        "FACE_NOT_FOUND",
        "face_image",
        id="photo-without-face",
    ),
    pytest.param(
        {"pose_image": text(photos.NO_FACE.read_bytes())},
        "FACE_NOT_FOUND",
        "pose_image",
        id="pose-without-face",
    ),
    pytest.param(
        {"face_image": text(photos.TWO_FACES.read_bytes())},
        "SEVERAL_FACES",
        "face_index",
        id="two-faces",
    ),
    pytest.param({"face_index": integer(1)}, "FACE_NOT_FOUND", "face_index", id="no-second-face"),
    pytest.param(
        {"face_image": text("no picture")}, "IMAGE_UNREADABLE", "face_image", id="not-an-image"
    ),
    pytest.param({"face_image": text("")}, "INVALID_INPUT", "face_image", id="no-bytes"),
    pytest.param(
        {"face_image": text(photos.PORTRAIT.read_bytes()[:4000])},
        "IMAGE_UNREADABLE",
        "cut off",
        id="truncated",
    ),
    pytest.param(
        {"face_image": text(photos.animated())}, "IMAGE_UNREADABLE", "animation", id="animated"
    ),
    pytest.param(
        {"face_image": text(photos.encoded(photos.portrait().resize((1, 1))))},
        "IMAGE_UNREADABLE",
        "1x1",
        id="one-pixel",
    ),
    pytest.param(
        {"face_image": text(photos.huge_header())}, "IMAGE_TOO_LARGE", "pixels", id="huge-header"
    ),
    pytest.param(
        {"face_image": None, "face_embedding": embedding(spoilt=np.nan)},
        "INVALID_INPUT",
        "face_embedding",
        id="embedding-nan",
    ),
    pytest.param(
        {"face_image": None, "face_embedding": embedding(spoilt=np.inf)},
        "INVALID_INPUT",
        "face_embedding",
        id="embedding-infinite",
    ),
    pytest.param({"width": integer(130)}, "INVALID_INPUT", "width", id="width-130"),
    pytest.param({"height": integer(8192)}, "INVALID_INPUT", "height", id="height-8192"),
    pytest.param({"height": integer(0)}, "INVALID_INPUT", "height", id="height-0"),
    pytest.param({"width": integer(-128)}, "INVALID_INPUT", "width", id="width-negative"),
    pytest.param(
        {"num_inference_steps": integer(0)}, "INVALID_INPUT", "num_inference_steps", id="0-steps"
    ),
    pytest.param({"num_inference_steps": integer(151)}, "INVALID_INPUT", "150", id="151-steps"),
    pytest.param(
        {"scheduler": text("PNDMScheduler")},
        "INVALID_INPUT",
        "EulerDiscreteScheduler (euler)",
        id="unknown-scheduler",
    ),
    pytest.param(
        {"scheduler": text("__import__('os').getcwd()")}, "INVALID_INPUT", "scheduler", id="code"
    ),
    pytest.param(
        {"ip_adapter_scale": number(1.6)}, "INVALID_INPUT", "ip_adapter_scale", id="scale-1.6"
    ),
    pytest.param(
        {"controlnet_conditioning_scale": number(-0.1)},
        "INVALID_INPUT",
        "controlnet_conditioning_scale",
        id="scale-negative",
    ),
    pytest.param(
        {"guidance_scale": number(np.nan)}, "INVALID_INPUT", "guidance_scale", id="guidance-nan"
    ),
    pytest.param(
        {"control_guidance_start": number(0.9), "control_guidance_end": number(0.1)},
        "INVALID_INPUT",
        "control_guidance_start",
        id="window-inside-out",
    ),
    pytest.param(
        {"num_images_per_prompt": integer(0)}, "INVALID_INPUT", "num_images", id="0-pictures"
    ),
    pytest.param(
        {"num_images_per_prompt": integer(1000)}, "INVALID_INPUT", "num_images", id="1000-pictures"
    ),
    pytest.param({"output_format": text("gif")}, "INVALID_INPUT", "output_format", id="gif"),
    pytest.param({"output_quality": integer(0)}, "INVALID_INPUT", "output_quality", id="quality"),
    pytest.param(
        {"face_keypoints": keypoints(5000.0)},
        "INVALID_INPUT",
        "face_keypoints",
        id="points-outside",
    ),
    pytest.param(
        {"face_keypoints": keypoints(np.nan)}, "INVALID_INPUT", "face_keypoints", id="points-nan"
    ),
]


@pytest.fixture(scope="module", autouse=True)
def neighbour(server: RunningServer) -> Iterator[None]:
    """A good request at a time, all the while; each must come out as if it were alone."""
    stop = threading.Event()
    drawn: list[Generation] = []
    request = {"prompt": "a portrait", "face_image": photos.PORTRAIT, "num_inference_steps": 4}

    def draw() -> None:
        with Client(server.grpc_url, timeout_s=60) as client:
            while not stop.is_set():
                drawn.append(client.generate(**request, seed=1))

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    first, *others = (np.asarray(generation.pictures[0].image) for generation in drawn)
    assert others
    assert min(psnr_db(first, other) for other in others) >= BATCHED_DB


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize(("change", "code", "named"), CASES)
def test_bad_request_is_refused(
    server: RunningServer, protocol: str, change: Arrays, code: str, named: str
) -> None:
    tensors = {name: array for name, array in (good() | change).items() if array is not None}
    send, url = (infer_grpc, server.grpc_url)
    if protocol == "http":
        send, url = (infer_http, server.http_url)
    started = time.perf_counter()
    with pytest.raises(InferenceServerException) as refusal:
        send(url, tensors)
    seconds = time.perf_counter() - started
    message = refusal.value.message()
    assert f"[{code}]" in message
    assert named in message
    assert seconds < REFUSED_WITHIN_S
    assert "Traceback" not in message
    assert "/" not in message.replace(str(photos.ROOT), "/")


@pytest.mark.parametrize(
    "tensors",
    [
        pytest.param({"face_embedding": embedding(511)}, id="embedding-too-short"),
        pytest.param({"face_keypoints": np.zeros((4, 2), np.float32)}, id="four-points"),
        pytest.param({"seed": number(1.5)}, id="seed-a-float"),
        pytest.param({"prompt": None}, id="no-prompt"),
        pytest.param({"sampler": text("euler")}, id="unknown-input"),
    ],
)
def test_what_is_no_request_at_all_is_refused_by_name(
    server: RunningServer, tensors: Arrays
) -> None:
    changed = {name: array for name, array in (good() | tensors).items() if array is not None}
    with pytest.raises(InferenceServerException, match=next(iter(tensors))):
        infer_grpc(server.grpc_url, changed)


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(photos.turned_by_exif, id="turned-by-exif"),
        pytest.param(photos.cmyk, id="cmyk"),
        pytest.param(photos.grey, id="grey"),
        pytest.param(photos.sixteen_bit, id="16-bit"),
        pytest.param(photos.transparent, id="transparent"),
    ],
)
def test_unusual_photos_show_the_face_where_it_is(server: RunningServer, photo: Any) -> None:
    plain, unusual = (
        infer_grpc(server.grpc_url, good() | {"face_image": text(encoded)})["face_keypoints"]
        for encoded in (photos.PORTRAIT.read_bytes(), photo())
    )
    np.testing.assert_allclose(plain, unusual, atol=3.0)  # pixels of the result


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1])
def test_seeds_at_both_ends_work(server: RunningServer, seed: int) -> None:
    answer = infer_grpc(server.grpc_url, good() | {"seed": np.array([seed], np.int64)})
    assert answer["seed"].tolist() == [seed]
