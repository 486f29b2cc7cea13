"""The credentials node: pixels in, marked and signed files out, or nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import key_service
import numpy as np
import pytest
from batches import Arrays, answers, leaks, log_text, stage_inputs, texts
from certificates import issue

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.errors import ProvenanceUnavailable
from instantid_server.images import decode_image
from instantid_server.trust.keys import KEYS_VARIABLE, Keys, KeysError
from instantid_server.trust.marks.perceptual_hash import perceptual_hash
from instantid_server.trust.policy import POLICY_VARIABLE
from instantid_server.trust.reading import CredentialsReader
from scripts.known_keys import make_known_keys

LoadNode = Callable[[str], Any]
RECORD_ID = "0123456789abcdef" * 2


@pytest.fixture
def reader(keys_folder: Path) -> CredentialsReader:
    return CredentialsReader(Keys.load(keys_folder).anchors)


def request(**changes: Any) -> Arrays:
    """Return a good request for one picture with `changes`; texts may be given as they are."""
    arrays = {name: texts([one]) if isinstance(one, str) else one for name, one in changes.items()}
    return {**stage_inputs("credentials", 1), "record_id": texts([RECORD_ID]), **arrays}


def only_file(node: Any, **changes: Any) -> bytes:
    (answer,) = answers(node, [request(**changes)])
    return bytes(answer["encoded_image"][0, 0])


@pytest.mark.parametrize("output_format", OutputFormat)
def test_picture_leaves_signed_under_its_record(
    load_node: LoadNode, reader: CredentialsReader, output_format: OutputFormat
) -> None:
    file = only_file(load_node("credentials"), output_format=str(output_format))
    credentials = reader.read(file)
    assert (credentials.state, credentials.record_id) == (CredentialsState.TRUSTED, RECORD_ID)


@pytest.mark.parametrize("output_format", OutputFormat)
@pytest.mark.parametrize("quality", [1, 90])
def test_hash_is_that_of_the_file_as_it_is_delivered(
    load_node: LoadNode, output_format: OutputFormat, quality: int
) -> None:
    image = np.kron(np.eye(8, dtype=np.uint8) * 200, np.ones((16, 16), np.uint8))
    inputs = request(
        image=np.stack([image] * 3, axis=-1)[None],
        output_format=str(output_format),
        output_quality=np.array([[quality]], np.int32),
    )
    (answer,) = answers(load_node("credentials"), [inputs])
    delivered = decode_image(answer["encoded_image"][0, 0], "image")
    assert answer["perceptual_hash"][0, 0].decode() == perceptual_hash(delivered)


def test_pixels_are_marked_as_the_record_id_says(load_node: LoadNode) -> None:
    node = load_node("credentials")
    inputs = request()
    once, again, other = (
        decode_image(only_file(node, record_id=record_id), "image")
        for record_id in (RECORD_ID, RECORD_ID, "f" * 32)
    )
    np.testing.assert_array_equal(once, again)
    assert (once != inputs["image"][0]).any()
    assert (once != other).any()


def test_policy_without_a_mark_leaves_the_pixels_alone(
    load_node: LoadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POLICY_VARIABLE, json.dumps({"mark": {"watermarker": "none"}}))
    file = only_file(load_node("credentials"))
    np.testing.assert_array_equal(decode_image(file, "image"), request()["image"][0])
    assert b"c2pa.soft-binding" not in file


def test_pictures_of_other_sizes_share_a_batch(load_node: LoadNode) -> None:
    wide = np.zeros((1, 64, 96, 3), np.uint8)
    batch = answers(load_node("credentials"), [request(), request(image=wide)])
    shapes = [decode_image(answer["encoded_image"][0, 0], "image").shape for answer in batch]
    assert shapes == [(64, 64, 3), (64, 96, 3)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"record_id": "G" * 32},
            "record_id: expected 32 hexadecimal digits in lower case",
            id="no-record-id",
        ),
        pytest.param({"checker": ""}, "checker: expected 1 to 256 characters", id="no-checker"),
        pytest.param(
            {"consent_level": "sure"},
            "consent_level: expected one of verified, self_attested, none",
            id="unknown-consent",
        ),
        pytest.param(
            {"output_format": "gif"},
            "output_format: expected one of png, jpeg, webp",
            id="unknown-format",
        ),
        pytest.param(
            {"output_quality": np.array([[0]], np.int32)},
            "output_quality: expected 1 to 100, got 0",
            id="no-quality",
        ),
        pytest.param(
            {"image": np.zeros((1, 64, 64, 4), np.uint8)},
            "image: expected the shape (any, any, 3), got (64, 64, 4)",
            id="four-channels",
        ),
    ],
)
def test_request_that_makes_no_sense_is_refused(
    load_node: LoadNode, changes: dict[str, Any], message: str
) -> None:
    assert answers(load_node("credentials"), [request(**changes)]) == [f"[INVALID_INPUT] {message}"]


@pytest.fixture
def serviced_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of which a service holds the one that signs."""
    folder = tmp_path / "keys"
    make_known_keys(folder)
    key_service.take_over(folder)
    monkeypatch.setenv(KEYS_VARIABLE, str(folder))
    return folder


def test_key_service_signs_as_the_key_in_the_folder_would(
    load_node: LoadNode, serviced_keys: Path
) -> None:
    reader = CredentialsReader(Keys.load(serviced_keys).anchors)
    assert reader.read(only_file(load_node("credentials"))).state is CredentialsState.TRUSTED


def test_key_service_that_fails_releases_nothing_and_says_nothing(
    load_node: LoadNode, serviced_keys: Path
) -> None:
    node = load_node("credentials")
    key_service.lock()
    assert (
        answers(node, [request(), request()])
        == ["[PROVENANCE_UNAVAILABLE] the picture could not be signed"] * 2
    )
    assert "the key service failed: PermissionError" in log_text()
    assert leaks(log_text()) == []


def test_node_does_not_load_where_nothing_can_be_signed(
    load_node: LoadNode, serviced_keys: Path
) -> None:
    key_service.lock()
    with pytest.raises(ProvenanceUnavailable):
        load_node("credentials")


def test_authority_of_time_stamps_may_be_away_when_the_node_loads(
    load_node: LoadNode, serviced_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (serviced_keys / "timestamp_anchors.pem").write_text(issue().root)
    nobody = {"credentials": {"timestamp_url": "http://127.0.0.1:9/"}}  # the discard port
    monkeypatch.setenv(POLICY_VARIABLE, json.dumps(nobody))
    (answer,) = answers(load_node("credentials"), [request()])
    assert answer == "[PROVENANCE_UNAVAILABLE] the picture could not be signed"


def test_node_without_keys_does_not_load(
    load_node: LoadNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(KeysError, match="instantid keys init"):
        load_node("credentials")
