"""Face cards: open where they were sealed, and nowhere else."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instantid_server.errors import FaceCardInvalid
from instantid_server.trust.consent.card import CardSeal, FaceCard, recogniser_fingerprint
from instantid_server.trust.keys import VersionedKeys

OLD, NEW, OTHERS = (bytes([number]) * 32 for number in (1, 2, 3))
KEYS = VersionedKeys(2, {1: OLD, 2: NEW})
RECOGNISER = "0123456789abcdef"
NOW, DAY_S = 1_800_000_000, 86_400
NOT_OURS = "face_card: expected a card as this server's enroll gave it to this tenant"
CARD = FaceCard(
    embedding=np.linspace(-1, 1, 512, dtype=np.float32),
    keypoints=np.arange(10, dtype=np.float32).reshape(5, 2),
    height=300,
    width=200,
    photo_sha256="ab" * 32,
    recogniser=RECOGNISER,
    issued=NOW,
)


def seal_of(
    keys: VersionedKeys = KEYS, recogniser: str = RECOGNISER, now_s: float = NOW
) -> CardSeal:
    return CardSeal(keys, recogniser, max_days=30, clock=lambda: now_s)


def sealed(card: FaceCard = CARD, keys: VersionedKeys = KEYS) -> bytes:
    return seal_of(keys).seal(card, "studio").encode()


def test_opened_card_is_the_sealed_one_to_the_bit() -> None:
    opened = seal_of().open(sealed(), "studio")
    np.testing.assert_array_equal(opened.embedding, CARD.embedding)
    np.testing.assert_array_equal(opened.keypoints, CARD.keypoints)
    assert (opened.height, opened.width, opened.issued) == (300, 200, NOW)
    assert (opened.photo_sha256, opened.recogniser) == (CARD.photo_sha256, RECOGNISER)


def test_card_is_small_and_text() -> None:
    assert len(sealed()) == 2900
    assert sealed().isascii()


def test_card_shows_nothing_of_the_face_and_is_another_each_time() -> None:
    packed = base64.urlsafe_b64decode(sealed())
    assert CARD.embedding.tobytes()[:8] not in packed
    assert bytes.fromhex(CARD.photo_sha256)[:8] not in packed
    assert sealed() != sealed()
    assert "embedding" not in repr(CARD)
    assert CARD.photo_sha256 not in repr(CARD)


def test_card_of_an_older_key_still_opens() -> None:
    assert seal_of().open(sealed(keys=VersionedKeys(1, {1: OLD})), "studio").issued == NOW


@pytest.mark.parametrize(
    "keys",
    [VersionedKeys(2, {2: OTHERS}), VersionedKeys(3, {3: NEW})],
    ids=["same-version", "unknown-version"],
)
def test_card_of_another_server_does_not_open(keys: VersionedKeys) -> None:
    with pytest.raises(FaceCardInvalid) as caught:
        seal_of().open(sealed(keys=keys), "studio")
    assert caught.value.message == NOT_OURS


def test_card_of_another_tenant_does_not_open() -> None:
    with pytest.raises(FaceCardInvalid) as caught:
        seal_of().open(sealed(), "another")
    assert caught.value.message == NOT_OURS


@pytest.mark.parametrize("place", [0, 1, 2, 3, 14, 15, 23, 70, 1000, -16, -1])
def test_changed_byte_is_noticed_wherever_it_is(place: int) -> None:
    packed = bytearray(base64.urlsafe_b64decode(sealed()))
    packed[place] ^= 1
    with pytest.raises(FaceCardInvalid) as caught:
        seal_of().open(base64.urlsafe_b64encode(packed), "studio")
    assert caught.value.message == NOT_OURS


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe%", id="no-text"),
        pytest.param(b"A", id="no-base64"),
        pytest.param(sealed()[:-4], id="cut"),
        pytest.param(sealed() + b"AAAA", id="longer"),
        pytest.param(b"A" * 2900, id="zeros"),
    ],
)
def test_text_that_is_no_card_is_refused_with_the_same_sentence(text: bytes) -> None:
    with pytest.raises(FaceCardInvalid) as caught:
        seal_of().open(text, "studio")
    assert caught.value.message == NOT_OURS


def test_card_of_another_recogniser_says_so() -> None:
    with pytest.raises(FaceCardInvalid, match=f"recogniser {RECOGNISER}, and this server has fe"):
        seal_of(recogniser="fe" * 8).open(sealed(), "studio")


@pytest.mark.parametrize("days", [0, 29.9, 30])
def test_card_lasts_for_the_days_of_the_policy(days: float) -> None:
    assert seal_of(now_s=NOW + days * DAY_S).open(sealed(), "studio").issued == NOW


@pytest.mark.parametrize("days", [30.1, 400, -1], ids=["over", "long-over", "clock-moved-back"])
def test_card_of_another_time_is_refused(days: float) -> None:
    with pytest.raises(FaceCardInvalid, match="of the last 30 days; enroll the photo again"):
        seal_of(now_s=NOW + days * DAY_S).open(sealed(), "studio")


def test_cards_of_two_faces_differ_in_nothing_but_what_is_sealed() -> None:
    other = replace(CARD, embedding=-CARD.embedding, height=1)
    assert len(sealed(other)) == len(sealed())
    assert sealed(other)[:4] == sealed()[:4]


def test_fingerprint_is_of_the_recognisers_weights(tmp_path: Path) -> None:
    folder = tmp_path / "face_embedder" / "3"
    folder.mkdir(parents=True)
    fingerprints = set()
    for weights in (b"one network", b"another"):
        (folder / "model.onnx").write_bytes(weights)
        fingerprints.add(recogniser_fingerprint(tmp_path, "3"))
    assert [len(fingerprint) for fingerprint in fingerprints] == [16, 16]
