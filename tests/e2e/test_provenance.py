"""Pictures from the real server, as the world gets them: marked, signed, on record, and checked."""

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from instantid_client import Client, ImageUnreadable, Picture, Preview, RateLimited, Verification
from instantid_client.cli import main
from instantid_server.contract import CredentialsState, MarkState, OutputFormat, RecordState
from instantid_server.trust.keys import Keys
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.marks.watermarker import Watermarker
from instantid_server.trust.policy import Policy
from scripts.psnr import psnr_db
from scripts.render_profiles import DETECTION_SIZE_PX
from tests.e2e.conftest import QUESTIONS, Accountable
from tests.e2e.photos import PORTRAIT, portrait
from tests.e2e.server import MODEL_REPOSITORY, RunningServer
from tests.reference import ReferenceOptions, ReferencePipeline

pytestmark = pytest.mark.triton

PROMPT = "a comic portrait of a person with short brown hair, in the city"
SIZE = 128
STEPS = 8
SAME_DB = 60.0  # rounding of the last bit at most
XMP_WORDS = b"trainedAlgorithmicMedia"


@pytest.fixture(scope="module")
def folder(accountable: Accountable) -> Path:
    return accountable.folder


@pytest.fixture(scope="module")
def server(accountable: Accountable) -> RunningServer:
    return accountable.server


@pytest.fixture(scope="module")
def client(accountable: Accountable) -> Client:
    return accountable.client


@pytest.fixture(scope="module")
def mark(accountable: Accountable) -> Watermarker:
    """What the server marks with."""
    watermarker = make_watermarker(Policy().mark, Keys.load(accountable.folder / "keys"))
    assert watermarker is not None
    return watermarker


@pytest.fixture(scope="module")
def picture(client: Client) -> Picture:
    return drawn(client, seed=11)


def drawn(client: Client, seed: int, **options: object) -> Picture:
    generation = client.generate(
        prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS, seed=seed, **options
    )
    return generation.pictures[0]


def states(found: Verification) -> tuple[CredentialsState, MarkState, RecordState]:
    return found.credentials, found.mark, found.record


def saved_as_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


@pytest.mark.parametrize("output_format", OutputFormat)
def test_picture_is_trusted_as_it_was_released(client, output_format) -> None:
    released = drawn(client, seed=3, output_format=output_format.value)
    found = client.verify(released.encoded)
    assert states(found) == (CredentialsState.TRUSTED, MarkState.OURS, RecordState.MATCH)
    assert found.record_id == released.record_id
    assert len(found.sentences) == 3


def test_one_changed_byte_of_the_picture_is_noticed(client, picture) -> None:
    changed = bytearray(picture.encoded)
    place = changed.rindex(b"IDAT") + 40
    changed[place] ^= 0x10
    try:
        found = client.verify(bytes(changed))
    except ImageUnreadable:  # the compressed pixels may end there
        return
    assert found.credentials is CredentialsState.INVALID


def test_picture_that_was_saved_again_is_known_by_its_mark(client, picture) -> None:
    found = client.verify(saved_as_jpeg(np.asarray(picture.image)))
    assert states(found) == (CredentialsState.NONE, MarkState.OURS, RecordState.MATCH)
    assert found.record_id == picture.record_id


def test_picture_of_somebody_else_is_nobodys(client) -> None:
    found = client.verify(PORTRAIT)
    assert states(found) == (CredentialsState.NONE, MarkState.NONE, RecordState.UNKNOWN)
    assert found.record_id is None


def test_mark_that_was_copied_onto_another_picture_is_seen(client, mark, picture) -> None:
    photo = np.asarray(portrait().convert("RGB").resize((SIZE, SIZE)))
    forged = mark.embed(photo, picture.record_id)
    found = client.verify(saved_as_jpeg(forged))
    assert states(found) == (CredentialsState.NONE, MarkState.OURS, RecordState.MISMATCH)
    assert found.record_id is None


def test_mark_is_all_that_differs_from_what_the_reference_draws(mark, picture) -> None:
    reference = ReferencePipeline(MODEL_REPOSITORY, num_threads=2)
    face = reference.find_face(portrait(), DETECTION_SIZE_PX)
    options = ReferenceOptions(PROMPT, num_inference_steps=STEPS, seed=11)
    keypoints = face.kps * (SIZE / portrait().width)
    (wanted,) = reference.generate(options, face.embedding, keypoints, SIZE, SIZE)
    assert psnr_db(np.asarray(picture.image), mark.embed(wanted, picture.record_id)) >= SAME_DB


def test_previews_say_what_they_are_but_are_not_signed(client) -> None:
    events = client.stream(
        prompt=PROMPT, face_image=PORTRAIT, num_inference_steps=STEPS, preview_every=2
    )
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    for preview in previews:
        assert all(XMP_WORDS in encoded for encoded in preview.encoded)
    found = client.verify(previews[0].encoded[0])
    assert found.credentials is CredentialsState.NONE


def test_answers_hold_nothing_of_the_reference_photo(picture) -> None:
    photo = PORTRAIT.read_bytes()
    middle = len(photo) // 2
    assert photo[middle : middle + 64] not in picture.encoded
    assert sha256(photo).digest() not in picture.encoded
    assert sha256(photo).hexdigest().encode() not in picture.encoded


def test_noise_of_a_picture_is_found_among_the_records(folder, client, tmp_path, capsys) -> None:
    path = tmp_path / "picture.png"
    drawn(client, seed=5, guidance_scale=1.0).save(path)
    command = ["verify", str(path), "--deep", "--model-repository", str(MODEL_REPOSITORY)]
    command += [
        "--keys",
        str(folder / "keys"),
        "--records",
        str(folder / "records.jsonl"),
        "--json",
    ]
    code = main(command)
    (found,) = json.loads(capsys.readouterr().out)["pictures"]
    assert (code, found["noise"]) == (0, MarkState.OURS)
    assert found["compared"] > 1
    assert len(found["record_ids"]) == 1


def test_who_asks_too_often_is_told_to_wait(server, picture) -> None:
    with Client(server.grpc_url, timeout_s=60, tenant="curious") as client:

        def ask_on() -> None:
            for _ in range(2 * QUESTIONS):  # some come back while they are asked
                client.verify(picture.encoded)

        with pytest.raises(RateLimited) as refused:
            ask_on()
    assert refused.value.retry_after_s is not None
