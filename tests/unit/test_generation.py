"""A whole request on stages that only add up: order, cancelling, previews, results."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from public_requests import picture_request
from stages import FakeStages, contract_types, types_of

from instantid_server.contract import INSTANTID
from instantid_server.errors import Cancelled, InvalidInput, StageFailed
from instantid_server.generation import Generation, PipelineWeights
from instantid_server.node import Exchange, NodeContext, Tensors
from instantid_server.settings import PipelineSettings

BEFORE_THE_LOOP = ["face_analysis", "text_encoder", "id_resampler"]
AFTER_THE_LOOP = ["vae_decoder", "face_analysis"]


class Caller:
    """Sends one request, listens to its progress and may go away."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self.stages = FakeStages()
        self.reports: list[Tensors] = []
        self.leaves_after_calls = 10**6

    def generate(self, wire_dtype: str = "FP32", **options: Any) -> Tensors:
        weights = PipelineWeights.load(self._context.directory)
        generation = Generation(weights, PipelineSettings(wire_dtype=wire_dtype))
        exchange = Exchange(self.stages, self._has_left, self.reports.append)
        return generation.generate(picture_request(**options), exchange)

    def _has_left(self) -> bool:
        return len(self.stages.calls) >= self.leaves_after_calls

    def events(self) -> list[str]:
        return [report["event"][0].decode() for report in self.reports]


@pytest.fixture
def caller(node_context: Callable[[str], NodeContext]) -> Caller:
    return Caller(node_context("instantid"))


def opened(encoded: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(encoded)))


def test_stages_are_called_in_order(caller: Caller) -> None:
    caller.generate(num_inference_steps=3)
    loop = ["denoise_step"] * 3
    assert caller.stages.names == [*BEFORE_THE_LOOP, *loop, *AFTER_THE_LOOP]


def test_pictures_are_decoded_and_checked_one_by_one(caller: Caller) -> None:
    result = caller.generate(num_images_per_prompt=3)
    assert caller.stages.names[5:] == ["vae_decoder"] * 3 + ["face_analysis"] * 3
    assert [len(inputs["latents"]) for inputs in caller.stages.inputs_of("vae_decoder")] == [1] * 3
    assert result["seed"].tolist() == [7, 8, 9]


def test_result_has_the_shapes_of_the_contract(caller: Caller) -> None:
    result = caller.generate(num_images_per_prompt=2)
    for spec in INSTANTID.outputs:
        shape = result[spec.name].shape
        assert len(shape) == len(spec.dims), spec.name
        assert all(want in (-1, have) for want, have in zip(spec.dims, shape, strict=True))


@pytest.mark.parametrize("wire", ["FP32", "FP16"])
def test_every_stage_gets_the_types_of_the_contract(caller: Caller, wire: str) -> None:
    caller.generate(wire_dtype=wire)
    for model, inputs in caller.stages.calls:
        assert types_of(inputs) == contract_types(model, wire), model


def test_negative_branch_has_the_negative_prompt_and_nobodys_face(caller: Caller) -> None:
    caller.generate(negative_prompt="ugly")
    (prompts,) = caller.stages.inputs_of("text_encoder")
    assert prompts["prompt"].tolist() == [[b"ugly"], [b"a portrait in the snow"]]
    (faces,) = caller.stages.inputs_of("id_resampler")
    assert faces["face_embedding"][0].tolist() == [0.0] * 512
    assert faces["face_embedding"][1].tolist() == [1.0] * 512


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_without_guidance_there_is_no_negative_branch(caller: Caller, guidance: float) -> None:
    caller.generate(guidance_scale=guidance)
    (prompts,) = caller.stages.inputs_of("text_encoder")
    (faces,) = caller.stages.inputs_of("id_resampler")
    assert (len(prompts["prompt"]), len(faces["face_embedding"])) == (1, 1)
    assert caller.stages.inputs_of("denoise_step")[0]["latents"].shape[0] == 1


def test_latents_have_the_shape_of_the_picture(caller: Caller) -> None:
    result = caller.generate(width=128, height=64)
    assert caller.stages.inputs_of("denoise_step")[0]["latents"].shape == (2, 4, 8, 16)
    assert opened(result["image"][0]).shape == (64, 128, 3)


def test_caller_that_leaves_is_noticed_within_a_step(caller: Caller) -> None:
    caller.leaves_after_calls = len(BEFORE_THE_LOOP) + 2
    with pytest.raises(Cancelled, match="the caller went away after step 2 of 50"):
        caller.generate(num_inference_steps=50)
    assert caller.stages.names == [*BEFORE_THE_LOOP, "denoise_step", "denoise_step"]


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
    caller: Caller, every: int, expected: str
) -> None:
    caller.generate(num_inference_steps=5, preview_every=every)
    assert caller.events() == expected.split()


def test_preview_is_a_webp_of_latent_size(caller: Caller) -> None:
    caller.generate(preview_every=1, width=128)
    (preview,) = caller.reports[0]["preview"]
    assert Image.open(BytesIO(preview)).format == "WEBP"
    assert opened(preview).shape == (8, 16, 3)


def test_timings_tell_of_every_stage_in_flat_numbers(caller: Caller) -> None:
    timings = json.loads(caller.generate(num_inference_steps=3)["timings"][0])
    stages = {"face_analysis", "text_encoder", "id_resampler", "denoise_step", "vae_decoder"}
    milliseconds = {f"{name}_ms" for name in stages | {"encode", "face_check", "total"}}
    assert set(timings) == milliseconds | {"steps", "mean_batch_unet", "mean_batch_identitynet"}
    assert (timings["steps"], timings["mean_batch_unet"]) == (3, 3.0)
    assert timings["total_ms"] >= sum(timings[f"{name}_ms"] for name in stages)


def test_mean_batch_of_identitynet_counts_its_own_steps_alone(caller: Caller) -> None:
    timings = json.loads(
        caller.generate(num_inference_steps=4, control_guidance_end=0.5)["timings"][0]
    )
    assert timings["mean_batch_identitynet"] == 2.0
    assert timings["mean_batch_unet"] == 3.5


def test_face_of_the_picture_is_compared_with_the_reference(caller: Caller) -> None:
    result = caller.generate()
    assert result["identity_similarity"].tolist() == pytest.approx([1.0])
    assert result["identity_note"].tolist() == [b""]
    assert result["face_bbox"].tolist() == [[40, 30, 90, 80]]


def test_picture_without_a_face_has_no_similarity_and_a_note(caller: Caller) -> None:
    photo = picture_request()["face_image"][0]
    caller.stages = FakeStages([])
    caller.stages.faces[photo] = np.array([[40, 30, 90, 80]], np.float32)
    result = caller.generate()
    assert np.isnan(result["identity_similarity"]).all()
    assert np.isnan(result["face_bbox"]).all()
    assert result["identity_note"].tolist() == [b"no face found in the picture"]


def test_picture_with_two_faces_says_so_and_compares_the_largest(caller: Caller) -> None:
    photo = picture_request()["face_image"][0]
    caller.stages = FakeStages([(0, 0, 10, 10), (10, 10, 60, 60)])
    caller.stages.faces[photo] = np.array([[40, 30, 90, 80]], np.float32)
    result = caller.generate()
    note = b"2 faces in the picture, the largest one compared"
    assert result["identity_note"].tolist() == [note]
    assert result["face_bbox"].tolist() == [[10, 10, 60, 60]]


def test_picture_is_checked_as_it_is_delivered(caller: Caller) -> None:
    result = caller.generate(output_format="jpeg", output_quality=20)
    checked = caller.stages.inputs_of("face_analysis")[-1]["encoded_image"][0, 0]
    assert checked == result["image"][0]
    assert Image.open(BytesIO(checked)).format == "JPEG"


@pytest.mark.parametrize("model", [*BEFORE_THE_LOOP, "denoise_step", "vae_decoder"])
def test_broken_stage_ends_the_request_and_calls_no_further(caller: Caller, model: str) -> None:
    caller.stages.broken = {model}
    with pytest.raises(StageFailed, match=f"the stage {model} failed"):
        caller.generate()
    assert caller.stages.names[-1] == model


@pytest.mark.parametrize(
    "options",
    [{"prompt": ""}, {"num_inference_steps": 150, "scheduler": "lcm"}],
    ids=["prompt", "lcm-steps"],
)
def test_bad_request_calls_no_stage(caller: Caller, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        caller.generate(**options)
    assert caller.stages.calls == []


def test_equal_requests_give_equal_pictures(caller: Caller) -> None:
    first, second = caller.generate(seed=3), caller.generate(seed=3)
    assert first["image"][0] == second["image"][0]
    assert first["image"][0] != caller.generate(seed=4)["image"][0]
