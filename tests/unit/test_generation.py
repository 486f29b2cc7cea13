"""A whole request on stages that only add up: order, cancelling, previews, results."""

import errno
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from public_requests import picture_request
from senders import WITHOUT_CONSENT, Sender, decisions
from stages import CHECKER, FakeStages, contract_types, types_of

from instantid_server.contract import INSTANTID
from instantid_server.desk_link import DeskLink
from instantid_server.errors import (
    Cancelled,
    InvalidInput,
    OutputUnsafe,
    ProvenanceUnavailable,
    StageFailed,
)
from instantid_server.node import NodeContext
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.picture_record import mark_id_of
from instantid_server.trust.policy import SafetyPolicy

BEFORE_THE_LOOP = ["face_analysis", "text_encoder", "id_resampler"]
AFTER_THE_LOOP = ["vae_decoder", "safety", "credentials", "face_analysis"]


@pytest.fixture
def sender(node_context: Callable[[str], NodeContext], desk: AdmissionDesk) -> Sender:
    return Sender(node_context("instantid"), WITHOUT_CONSENT)


def opened(encoded: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(encoded)))


def test_stages_are_called_in_order(sender: Sender) -> None:
    sender.generate(num_inference_steps=3)
    loop = ["denoise_step"] * 3
    assert sender.stages.names == [*BEFORE_THE_LOOP, *loop, *AFTER_THE_LOOP]


def test_pictures_are_decoded_and_checked_one_by_one(sender: Sender) -> None:
    result = sender.generate(num_images_per_prompt=3)
    each = ["vae_decoder", "safety", "credentials"]
    assert sender.stages.names[5:] == each * 3 + ["face_analysis"] * 3
    assert [len(inputs["latents"]) for inputs in sender.stages.inputs_of("vae_decoder")] == [1] * 3
    assert result["seed"].tolist() == [7, 8, 9]


def test_result_has_the_shapes_of_the_contract(sender: Sender) -> None:
    result = sender.generate(num_images_per_prompt=2)
    for spec in INSTANTID.outputs:
        shape = result[spec.name].shape
        assert len(shape) == len(spec.dims), spec.name
        assert all(want in (-1, have) for want, have in zip(spec.dims, shape, strict=True))


@pytest.mark.parametrize("wire", ["FP32", "FP16"])
def test_every_stage_gets_the_types_of_the_contract(sender: Sender, wire: str) -> None:
    sender.generate(wire_dtype=wire)
    for model, inputs in sender.stages.calls:
        assert types_of(inputs) == contract_types(model, wire), model


def test_negative_branch_has_the_negative_prompt_and_nobodys_face(sender: Sender) -> None:
    sender.generate(negative_prompt="ugly")
    (prompts,) = sender.stages.inputs_of("text_encoder")
    assert prompts["prompt"].tolist() == [[b"ugly"], [b"a portrait in the snow"]]
    (faces,) = sender.stages.inputs_of("id_resampler")
    assert faces["face_embedding"][0].tolist() == [0.0] * 512
    assert faces["face_embedding"][1].tolist() == [1.0] * 512


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_without_guidance_there_is_no_negative_branch(sender: Sender, guidance: float) -> None:
    sender.generate(guidance_scale=guidance)
    (prompts,) = sender.stages.inputs_of("text_encoder")
    (faces,) = sender.stages.inputs_of("id_resampler")
    assert (len(prompts["prompt"]), len(faces["face_embedding"])) == (1, 1)
    assert sender.stages.inputs_of("denoise_step")[0]["latents"].shape[0] == 1


def test_latents_have_the_shape_of_the_picture(sender: Sender) -> None:
    result = sender.generate(width=128, height=64)
    assert sender.stages.inputs_of("denoise_step")[0]["latents"].shape == (2, 4, 8, 16)
    assert opened(result["image"][0]).shape == (64, 128, 3)


def test_caller_that_leaves_is_noticed_within_a_step(sender: Sender) -> None:
    sender.leaves_after_calls = len(BEFORE_THE_LOOP) + 2
    with pytest.raises(Cancelled, match="the caller went away; steps done: 2"):
        sender.generate(num_inference_steps=50)
    assert sender.stages.names == [*BEFORE_THE_LOOP, "denoise_step", "denoise_step"]


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (0, "progress progress progress progress progress"),
        (1, "preview preview preview preview progress"),
        (2, "progress preview progress preview progress"),
        (5, "progress progress progress progress progress"),
    ],
)
def test_previews_come_when_asked_and_not_instead_of_the_result(
    sender: Sender, every: int, expected: str
) -> None:
    sender.generate(num_inference_steps=5, preview_every=every)
    assert sender.events() == expected.split()


def test_policy_can_turn_previews_off(sender: Sender) -> None:
    sender.policy = replace(WITHOUT_CONSENT, previews=False)
    sender.generate(num_inference_steps=5, preview_every=1)
    assert sender.events() == ["progress"] * 5


def test_preview_is_a_webp_of_the_pictures_shape(sender: Sender) -> None:
    sender.generate(preview_every=1, width=128)
    (preview,) = sender.reports[0]["preview"]
    assert Image.open(BytesIO(preview)).format == "WEBP"
    assert opened(preview).shape == (64, 128, 3)


def test_timings_tell_of_every_stage_in_flat_numbers(sender: Sender) -> None:
    timings = json.loads(sender.generate(num_inference_steps=3)["timings"][0])
    stages = {"face_analysis", "text_encoder", "id_resampler", "denoise_step", "vae_decoder"}
    stages |= {"safety", "credentials"}
    others = {"waiting", "permits", "record", "face_check", "total"}
    milliseconds = {f"{name}_ms" for name in stages | others}
    assert set(timings) == milliseconds | {"steps", "mean_batch_unet", "mean_batch_identitynet"}
    assert (timings["steps"], timings["mean_batch_unet"]) == (3, 3.0)
    assert timings["total_ms"] >= sum(timings[f"{name}_ms"] for name in stages)


def test_mean_batch_of_identitynet_counts_its_own_steps_alone(sender: Sender) -> None:
    timings = json.loads(
        sender.generate(num_inference_steps=4, control_guidance_end=0.5)["timings"][0]
    )
    assert timings["mean_batch_identitynet"] == 2.0
    assert timings["mean_batch_unet"] == 3.5


def test_face_of_the_picture_is_compared_with_the_reference(sender: Sender) -> None:
    result = sender.generate()
    assert result["identity_similarity"].tolist() == pytest.approx([1.0])
    assert result["identity_note"].tolist() == [b""]
    assert result["face_bbox"].tolist() == [[40, 30, 90, 80]]


def test_picture_without_a_face_has_no_similarity_and_a_note(sender: Sender) -> None:
    photo = picture_request()["face_image"][0]
    sender.stages = FakeStages([])
    sender.stages.faces[photo] = np.array([[40, 30, 90, 80]], np.float32)
    result = sender.generate()
    assert np.isnan(result["identity_similarity"]).all()
    assert np.isnan(result["face_bbox"]).all()
    assert result["identity_note"].tolist() == [b"no face found in the picture"]


def test_picture_with_two_faces_says_so_and_compares_the_largest(sender: Sender) -> None:
    photo = picture_request()["face_image"][0]
    sender.stages = FakeStages([(0, 0, 10, 10), (10, 10, 60, 60)])
    sender.stages.faces[photo] = np.array([[40, 30, 90, 80]], np.float32)
    result = sender.generate()
    note = b"2 faces in the picture, the largest one compared"
    assert result["identity_note"].tolist() == [note]
    assert result["face_bbox"].tolist() == [[10, 10, 60, 60]]


def test_picture_is_checked_as_it_is_delivered(sender: Sender) -> None:
    result = sender.generate(output_format="jpeg", output_quality=20)
    checked = sender.stages.inputs_of("face_analysis")[-1]["encoded_image"][0, 0]
    assert checked == result["image"][0]
    assert Image.open(BytesIO(checked)).format == "JPEG"


@pytest.mark.parametrize("model", [*BEFORE_THE_LOOP, "denoise_step", *AFTER_THE_LOOP[:3]])
def test_broken_stage_ends_the_request_and_calls_no_further(sender: Sender, model: str) -> None:
    sender.stages.broken = {model}
    with pytest.raises(StageFailed, match=f"the stage {model} failed"):
        sender.generate()
    assert sender.stages.names[-1] == model


@pytest.mark.parametrize(
    "options",
    [{"prompt": ""}, {"num_inference_steps": 150, "scheduler": "lcm"}],
    ids=["prompt", "lcm-steps"],
)
def test_bad_request_calls_no_stage(sender: Sender, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        sender.generate(**options)
    assert sender.stages.calls == []


def test_every_picture_is_on_record_as_it_is_delivered(sender: Sender) -> None:
    result = sender.generate(num_images_per_prompt=2, width=128, output_format="webp")
    for index in range(2):
        record_id = result["record_id"][index].decode()
        (record,) = DeskLink.from_environment().find_records(mark_id_of(record_id))
        assert record.record_id == record_id
        assert record.sha256 == hashlib.sha256(result["image"][index]).hexdigest()
        assert (record.seed, record.noise_key_version) == (7 + index, 1)
        assert (record.latent_channels, record.latent_height, record.latent_width) == (4, 8, 16)
        assert (record.width, record.height, record.output_format) == (128, 64, "webp")
        assert (record.checker, record.policy) == (CHECKER.decode(), WITHOUT_CONSENT.digest)


def test_flagged_picture_stays_in_the_server_with_all_others_of_its_request(
    sender: Sender, tmp_path: Path
) -> None:
    sender.stages.flags_pictures = True
    with pytest.raises(OutputUnsafe, match="flagged"):
        sender.generate(num_images_per_prompt=2)
    assert "credentials" not in sender.stages.names
    (decision,) = decisions(tmp_path / "records.jsonl")
    assert (decision["kind"], decision["code"]) == ("refused", "OUTPUT_UNSAFE")


def test_policy_without_a_checker_asks_none_and_says_so_on_record(sender: Sender) -> None:
    sender.policy = replace(WITHOUT_CONSENT, safety=SafetyPolicy(checker="none"))
    result = sender.generate()
    assert "safety" not in sender.stages.names
    (record,) = DeskLink.from_environment().find_records(
        mark_id_of(result["record_id"][0].decode())
    )
    assert record.checker == "none"


def test_picture_that_cannot_be_put_on_record_is_not_released(
    sender: Sender, book: RecordBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(book, "release", fail)
    with pytest.raises(ProvenanceUnavailable, match="on record"):
        sender.generate()


def test_equal_requests_give_equal_pictures(sender: Sender) -> None:
    first, second = sender.generate(seed=3), sender.generate(seed=3)
    assert first["image"][0] == second["image"][0]
    assert first["image"][0] != sender.generate(seed=4)["image"][0]
