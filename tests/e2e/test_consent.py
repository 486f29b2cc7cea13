"""Consent on the real server, with the default policy: asked for, and on record."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from instantid_client import (
    Client,
    ConsentExhausted,
    ConsentMissing,
    ConsentScope,
    FaceCardInvalid,
    InvalidInput,
    Picture,
    RefusedPolicy,
)
from instantid_client.cli import main
from instantid_server.contract import EMBEDDING_SIZE, ConsentLevel
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import DEMO_ISSUER
from instantid_server.trust.consent.issuing import Grant, issue, photo_digest
from scripts.consent.leaks import files_in, personal_things, use
from scripts.psnr import psnr_db
from tests.e2e.conftest import ISSUER, ISSUER_KEY, PROTECTED, Accountable
from tests.e2e.photos import OTHER_PORTRAIT, PORTRAIT

pytestmark = pytest.mark.triton

PROMPT = "a comic portrait of a person with short brown hair, in the city"
STEPS = 4
SUBJECT = "person-17"
TWO_MARKS_DB = 28.0  # what is between one picture with two marks, and not between two persons


@pytest.fixture
def client(accountable: Accountable) -> Client:
    return accountable.client


def drawn(client: Client, **options: object) -> Picture:
    request = {"prompt": PROMPT, "num_inference_steps": STEPS, "seed": 500, **options}
    return client.generate(**request).pictures[0]


def granted(accountable: Accountable, photo: Path, **limits: object) -> str:
    """Return what the studio, whom the server believes, issues for a photo."""
    grant = Grant(
        subject=SUBJECT,
        photo_digests=[photo_digest(photo.read_bytes())],
        lasts=timedelta(hours=1),
        **limits,
    )
    key = IssuerKey.read(ISSUER, accountable.folder / ISSUER_KEY)
    return issue(grant, key, datetime.now(UTC))


def on_record(accountable: Accountable, record_id: str) -> dict[str, object]:
    lines = (accountable.folder / "records.jsonl").read_text().splitlines()
    return next(line for line in map(json.loads, lines) if line["record_id"] == record_id)


def test_drawn_portrait_brings_its_own_consent(accountable: Accountable, client: Client) -> None:
    picture = drawn(client, face_image=PORTRAIT)
    assert on_record(accountable, picture.record_id)["consent"]["issuer"] == DEMO_ISSUER


def test_photo_without_a_token_is_refused(client: Client) -> None:
    with pytest.raises(ConsentMissing):
        drawn(client, face_image=PORTRAIT.read_bytes())


def test_token_of_one_photo_is_none_for_another(accountable: Accountable, client: Client) -> None:
    token = granted(accountable, PORTRAIT)
    with pytest.raises(ConsentScope):
        drawn(client, face_image=OTHER_PORTRAIT, consent_token=token)


def test_callers_own_word_is_taken_and_on_record(
    accountable: Accountable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "me.png"
    photo.write_bytes(PORTRAIT.read_bytes())
    arguments = ["generate", str(photo), "--prompt", PROMPT, "--num-inference-steps", str(STEPS)]
    arguments += ["--url", accountable.server.grpc_url, "--output", str(tmp_path)]
    assert main(arguments) == 1
    assert "CONSENT_MISSING" in capsys.readouterr().err
    keys = ["--i-have-consent", "--keys", str(accountable.folder / "keys")]
    assert main([*arguments, *keys, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (generation,) = answer["generations"]
    record = on_record(accountable, generation["pictures"][0]["record_id"])
    assert record["consent"]["level"] == ConsentLevel.SELF_ATTESTED


def test_consent_for_so_many_pictures_is_for_no_more(
    accountable: Accountable, client: Client
) -> None:
    token = granted(accountable, PORTRAIT, max_uses=2)
    two = {"face_image": PORTRAIT, "consent_token": token}
    assert len(client.generate(prompt=PROMPT, num_inference_steps=STEPS, **two).pictures) == 1
    with pytest.raises(ConsentExhausted):
        drawn(client, **two, num_images_per_prompt=2)
    drawn(client, **two)
    with pytest.raises(ConsentExhausted):
        drawn(client, **two)


def test_protected_person_is_not_drawn_and_the_answer_does_not_say_why(
    accountable: Accountable, client: Client
) -> None:
    token = granted(accountable, PROTECTED)
    with pytest.raises(RefusedPolicy) as refused:
        drawn(client, face_image=PROTECTED, consent_token=token)
    with pytest.raises(RefusedPolicy) as sieved:
        drawn(client, face_image=PORTRAIT, prompt=f"{PROMPT}, undressed")
    assert str(refused.value) == str(sieved.value)
    last = (accountable.folder / "records.jsonl").read_text().splitlines()[-2]
    assert json.loads(last)["reason"] == "protected:reference"


def test_card_draws_what_the_photo_draws_and_needs_the_same_consent(
    accountable: Accountable, client: Client
) -> None:
    token = granted(accountable, PORTRAIT)
    card = client.enroll(PORTRAIT, consent_token=token).face_card
    from_card = drawn(client, face_card=card, consent_token=token)
    from_photo = drawn(client, face_image=PORTRAIT, consent_token=token)
    shown = [np.asarray(picture.image.convert("RGB")) for picture in (from_card, from_photo)]
    assert psnr_db(*shown) > TWO_MARKS_DB
    with pytest.raises(ConsentMissing):
        drawn(client, face_card=card)
    with (
        Client(accountable.server.grpc_url, tenant="mallory") as other,
        pytest.raises(FaceCardInvalid),
    ):
        drawn(other, face_card=card, consent_token=token)


def test_raw_embedding_is_no_way_round(client: Client) -> None:
    with pytest.raises(InvalidInput, match="face_embedding"):
        drawn(client, face_embedding=[1.0] * EMBEDDING_SIZE)


def test_log_of_all_this_holds_and_a_changed_line_is_found(
    accountable: Accountable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["--keys", str(accountable.folder / "keys")]
    records = accountable.folder / "records.jsonl"
    assert main(["audit", "verify", str(records), *keys]) == 0
    changed = tmp_path / "records.jsonl"
    changed.write_bytes(records.read_bytes().replace(b'"released"', b'"refused"', 1))
    checkpoints = Path(f"{records}.checkpoints")
    Path(f"{changed}.checkpoints").write_bytes(checkpoints.read_bytes())
    capsys.readouterr()
    assert main(["audit", "verify", str(changed), *keys]) == 1


def test_nothing_personal_is_left_behind(accountable: Accountable) -> None:
    keys = accountable.folder / "keys"
    things = personal_things(keys)
    came = use(accountable.server, things, deaths=())
    left = {**came, **files_in(accountable.folder)}
    assert len(came) > 8
    assert [f"{thing} in {place}" for place in left for thing in things.found_in(left[place])] == []
