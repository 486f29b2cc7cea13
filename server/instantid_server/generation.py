"""One request from photo and prompt to encoded pictures: the order of the stages, nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instantid_server.caller import Caller
from instantid_server.contract import (
    DEFAULT_GUIDANCE_SCALE,
    DEFAULT_SCHEDULER,
    EMBEDDING_SIZE,
    StreamEvent,
)
from instantid_server.demand import Demand
from instantid_server.denoise import Conditions, Denoiser, Step
from instantid_server.docket import Docket
from instantid_server.identity import (
    Faces,
    Identity,
    analyse_faces,
    cosine,
    find_identity,
    identity_from_card,
)
from instantid_server.node import Exchange, NodeContext, StageCall, Tensors
from instantid_server.noise import NoiseSource, picture_seed
from instantid_server.permits import Permits
from instantid_server.previews import LatentPalette, is_due
from instantid_server.release import Origin, Release
from instantid_server.request import GenerationRequest, SizeLimits, read_request
from instantid_server.schedulers import Schedule
from instantid_server.settings import PipelineSettings, read_settings
from instantid_server.timings import Timings
from instantid_server.trust.audit.prompt_code import prompt_code
from instantid_server.trust.consent.card import FaceCard
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import Policy
from instantid_server.turn import Turn, take_turn
from instantid_server.wire import WireCall

Array = NDArray[Any]

WEIGHTS_MODEL = "instantid"  # both public models read the pipeline's files in this one's folder


@dataclass(frozen=True)
class PipelineWeights:
    """What the weights decide about the loop: sizes, guidance, schedule, colours of the latents."""

    limits: SizeLimits
    guidance_scale: float  # for callers who name none
    latent_channels: int
    scheduler_config: Mapping[str, Any]
    palette: LatentPalette

    @classmethod
    def load(cls, directory: Path) -> "PipelineWeights":
        """Read `pipeline.json` and `scheduler_config.json`."""
        pipeline = json.loads((directory / "pipeline.json").read_text())
        palette = LatentPalette(
            np.array(pipeline.pop("latent_rgb_weight"), np.float32),
            np.array(pipeline.pop("latent_rgb_bias"), np.float32),
        )
        return cls(
            latent_channels=pipeline.pop("latent_channels"),
            guidance_scale=pipeline.pop("guidance_scale", DEFAULT_GUIDANCE_SCALE),
            limits=SizeLimits(**pipeline),
            scheduler_config=json.loads((directory / "scheduler_config.json").read_text()),
            palette=palette,
        )


@dataclass(frozen=True)
class FaceCheck:
    """What the recogniser says of a finished picture."""

    similarity: float  # cosine with the reference; NaN: no face
    note: str
    bbox: NDArray[np.float32]  # (4,); NaN: no face


class Generation:
    """The public models' pipeline; it keeps nothing of a request."""

    def __init__(
        self,
        weights: PipelineWeights,
        settings: PipelineSettings,
        policy: Policy,
        keys: Keys,
        permits: Permits,
    ) -> None:
        self._weights = weights
        self._settings = settings
        self._policy = policy
        self._noise_keys = keys.noise
        self._prompt_key = keys.audit.key
        self._permits = permits

    @classmethod
    def load(cls, context: NodeContext) -> "Generation":
        """Return the pipeline of the weights."""
        torch.set_num_threads(1)  # the loop only adds latents up; the networks are elsewhere
        settings = read_settings(PipelineSettings, context.parameters)
        repository, version = context.directory.parents[1], context.directory.name
        folder = repository / WEIGHTS_MODEL / version
        weights = PipelineWeights.load(folder)
        # diffusers imports a scheduler when it is first asked for; no caller should wait for that.
        Schedule(DEFAULT_SCHEDULER, weights.scheduler_config, num_inference_steps=1)
        policy, keys = Policy.from_environment(), Keys.from_environment()
        permits = Permits.load(policy, keys, repository, version)
        return cls(weights, settings, policy, keys, permits)

    def generate(self, inputs: Tensors, exchange: Exchange) -> Tensors:
        """Return the contract's result tensors for one request; reports steps and previews."""
        request = read_request(inputs, self._weights.limits, self._weights.guidance_scale)
        prompt = prompt_code(self._prompt_key, request.prompt)
        docket = Docket(self._policy, exchange, prompt)
        with docket.refusals_on_record():
            with exchange.record.timings.stage("permits"):
                card = self._check_demand(request, exchange, docket)
            caller = exchange.caller
            demand = _demand(request, caller)
            # Before any work: a refusal costs next to nothing, however busy the server is.
            with take_turn(exchange.desk, demand, caller, exchange.is_cancelled) as turn:
                call = turn.guard(WireCall(exchange.call, self._settings.wire_dtype))
                exchange.record.admit()
                return self._run(request, card, replace(exchange, call=call), docket, turn)

    def _check_demand(
        self, request: GenerationRequest, exchange: Exchange, docket: Docket
    ) -> FaceCard | None:
        """Return the card, if the face comes as one; refuse what may not be drawn or asked for."""
        tenant = exchange.caller.tenant
        card = self._permits.open_card(request, tenant)
        docket.consent = self._permits.check_consent(request, card, tenant)
        exchange.desk.check_uses(docket.note.consent, request.num_images_per_prompt)
        self._permits.check_prompts(request)
        return card

    def _run(
        self,
        request: GenerationRequest,
        card: FaceCard | None,
        exchange: Exchange,
        docket: Docket,
        turn: Turn,
    ) -> Tensors:
        timings = exchange.record.timings
        schedule = Schedule(
            request.scheduler, self._weights.scheduler_config, request.num_inference_steps
        )
        with timings.stage("face_analysis"):
            identity = _find_identity(request, card, exchange.call)
        with timings.stage("permits"):
            self._permits.check_reference(identity.embedding, docket.consent)
        conditions = _encode_conditions(request, identity, exchange.call, timings)
        seeds = [picture_seed(request.seed, k) for k in range(request.num_images_per_prompt)]
        latents = self._denoise(request, conditions, schedule, seeds, exchange, turn)
        release = Release(self._policy, exchange, request, docket)
        signed = [release.sign(image) for image in _decode(latents, exchange.call, timings)]
        with timings.stage("face_check"):
            found = [analyse_faces(one.encoded, "image", exchange.call) for one in signed]
        with timings.stage("permits"):
            for faces in found:
                self._permits.check_picture(faces.embeddings, docket.consent)
        checks = [_check_face(faces, identity) for faces in found]
        version, shape = self._noise_keys.current, self._latents_shape(request)
        release.record(signed, [Origin(seed, version, shape) for seed in seeds])
        return {
            "event": np.array([StreamEvent.RESULT.encode()], dtype=np.object_),
            "image": np.array([picture.encoded for picture in signed], dtype=np.object_),
            "seed": np.array(seeds, np.int64),
            "record_id": np.array([picture.record_id.encode() for picture in signed], np.object_),
            "identity_similarity": np.array([check.similarity for check in checks], np.float32),
            "identity_note": np.array([check.note.encode() for check in checks], np.object_),
            "face_bbox": np.stack([check.bbox for check in checks]),
            "face_keypoints": identity.keypoints,
            "timings": np.array([timings.to_json()], dtype=np.object_),
        }

    def _denoise(
        self,
        request: GenerationRequest,
        conditions: Conditions,
        schedule: Schedule,
        seeds: list[int],
        exchange: Exchange,
        turn: Turn,
    ) -> Tensor:
        settings = self._settings
        noise = NoiseSource(self._noise_keys.key, exchange.caller.tenant)
        denoiser = Denoiser(exchange.call, settings.max_batch_rows, settings.step_model, noise)
        shape = self._latents_shape(request)
        for step in denoiser.denoise(request, conditions, schedule, seeds, shape):
            exchange.record.add_step(step.seconds, step.batches)
            turn.count_step()
            if exchange.report is not None:
                exchange.report(self._describe(step, request.preview_every))
        return step.latents

    def _describe(self, step: Step, preview_every: int) -> Tensors:
        """Return the tensors that tell a streaming caller of one step."""
        tensors = {
            "event": np.array([StreamEvent.PROGRESS.encode()], dtype=np.object_),
            "step": np.array([step.index], np.int32),
            "num_inference_steps": np.array([step.total], np.int32),
        }
        if self._policy.previews and is_due(step.index, step.total, preview_every):
            tensors["event"] = np.array([StreamEvent.PREVIEW.encode()], dtype=np.object_)
            tensors["preview"] = self._weights.palette.preview(step.foreseen)
        return tensors

    def _latents_shape(self, request: GenerationRequest) -> tuple[int, int, int]:
        factor = self._weights.limits.vae_scale_factor
        return self._weights.latent_channels, request.height // factor, request.width // factor


def _demand(request: GenerationRequest, caller: Caller) -> Demand:
    branches = 2 if request.guidance_scale > 1 else 1
    rows = request.num_images_per_prompt * branches
    return Demand(
        request_id=caller.request_id,
        tenant=caller.tenant,
        priority_class=caller.priority_class,
        pictures=request.num_images_per_prompt,
        steps=request.num_inference_steps,
        step_work=rows * request.height * request.width,
        seconds_left=caller.seconds_left(),
    )


def _encode_conditions(
    request: GenerationRequest, identity: Identity, call: StageCall, timings: Timings
) -> Conditions:
    """Return prompts and face as the networks read them, the negative branch first if there is one.

    Nobody's face is the resampler's answer to zeros, not zeros themselves (InstantID's pipeline,
    `_encode_prompt_image_emb`).
    """
    guided = request.guidance_scale > 1
    prompts = [request.negative_prompt, request.prompt] if guided else [request.prompt]
    encoded = np.array([[prompt.encode()] for prompt in prompts], dtype=np.object_)
    with timings.stage("text_encoder"):
        text = call("text_encoder", {"prompt": encoded}, ["prompt_embeds", "pooled_prompt_embeds"])
    nobody = np.zeros(EMBEDDING_SIZE, np.float32)
    embeddings = [nobody, identity.embedding] if guided else [identity.embedding]
    with timings.stage("id_resampler"):
        tokens = call("id_resampler", {"face_embedding": np.stack(embeddings)}, ["identity_tokens"])
    return Conditions(
        prompt_embeds=text["prompt_embeds"],
        pooled_prompt_embeds=text["pooled_prompt_embeds"],
        identity_tokens=tokens["identity_tokens"],
        face_keypoints=identity.keypoints,
    )


def _decode(latents: Tensor, call: StageCall, timings: Timings) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures (height, width, 3), one a call: a decoder's memory grows with the batch."""
    for of_picture in latents.split(1):
        with timings.stage("vae_decoder"):
            image = call("vae_decoder", {"latents": of_picture.numpy()}, ["image"])["image"][0]
        yield image


def _find_identity(request: GenerationRequest, card: FaceCard | None, call: StageCall) -> Identity:
    if card is None:
        return find_identity(request, call)
    return identity_from_card(card, request, call)


def _check_face(faces: Faces, identity: Identity) -> FaceCheck:
    """Compare the largest face of the picture, as it will be delivered, with the reference."""
    if len(faces) == 0:
        return FaceCheck(float("nan"), "no face found in the picture", np.full(4, np.nan, "f4"))
    largest = faces.largest()
    note = "" if len(faces) == 1 else f"{len(faces)} faces in the picture, the largest one compared"
    similarity = cosine(identity.embedding, faces.embeddings[largest])
    return FaceCheck(similarity, note, faces.bboxes[largest])
