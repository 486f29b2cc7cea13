"""A stage that another server answers."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
import numpy as np
import pytest
from batches import LETS_IN, TRITON_TEXT, Arrays, leaks, stage_inputs
from other_triton import other_triton

from instantid_server.contract import MODELS, TEXT_ENCODER, VAE_DECODER
from instantid_server.errors import FaceNotFound, InstantIDError, ModelNotReady, StageFailed
from instantid_server.node import NodeContext, Outcome
from instantid_server.observe.tracing import NoTracing
from instantid_server.remote import REMOTE_VARIABLE, load_stage
from instantid_server.serving.remote_watch import RemoteWatch
from instantid_server.stages.remote import RemoteStage

PATIENCE_S = 20.0
ContextOf = Callable[[str], NodeContext]


def brightness(arrays: Arrays, refuse: Any) -> Arrays:
    """Answer as a decoder whose pictures are as bright as the first latent."""
    level = arrays["latents"][:, :1, :1, :1].astype(np.uint8)
    return {"image": np.broadcast_to(level, (len(level), 8, 8, 3))}


def ask(node_context: ContextOf, answer: Callable[..., Arrays]) -> Outcome:
    with other_triton(VAE_DECODER, answer) as (_, address):
        stage = RemoteStage.connect(VAE_DECODER, address, node_context("vae_decoder"), NoTracing())
        return stage.run([stage_inputs("vae_decoder", seed=1)])[0]


def latents(level: int) -> dict[str, Any]:
    return {"latents": np.full((1, 4, 8, 8), level, np.float32)}


def test_requests_of_a_batch_are_with_the_other_server_together(node_context: ContextOf) -> None:
    together = threading.Barrier(3)

    def answer(arrays: Arrays, refuse: Any) -> Arrays:
        together.wait(PATIENCE_S)
        return brightness(arrays, refuse)

    with other_triton(VAE_DECODER, answer) as (_, address):
        stage = RemoteStage.connect(VAE_DECODER, address, node_context("vae_decoder"), NoTracing())
        outcomes = stage.run([latents(level) for level in (1, 2, 3)])
    assert [int(outcome["image"].max()) for outcome in outcomes] == [1, 2, 3]


def test_call_carries_the_stage_key(node_context: ContextOf) -> None:
    with other_triton(VAE_DECODER, brightness) as (other, address):
        stage = RemoteStage.connect(VAE_DECODER, address, node_context("vae_decoder"), NoTracing())
        stage.run([latents(1)])
    assert other.parameters == [LETS_IN]


def test_each_server_keeps_the_floating_type_of_its_profile(node_context: ContextOf) -> None:
    def answer(arrays: Arrays, refuse: Any) -> Arrays:
        rows = len(arrays["prompt"])
        return {
            "prompt_embeds": np.ones((rows, 77, 4), np.float32),
            "pooled_prompt_embeds": np.ones((rows, 4), np.float32),
        }

    types = {"prompt_embeds": "FP16", "pooled_prompt_embeds": "FP16"}
    context = replace(node_context("text_encoder"), output_types=types)
    with other_triton(TEXT_ENCODER, answer) as (_, address):
        stage = RemoteStage.connect(TEXT_ENCODER, address, context, NoTracing())
        (outcome,) = stage.run([stage_inputs("text_encoder", seed=1)])
    assert {array.dtype for array in outcome.values()} == {np.dtype(np.float16)}

    def typed(arrays: Arrays, refuse: Any) -> Arrays:
        assert arrays["latents"].dtype == np.float16
        return brightness(arrays, refuse)

    with other_triton(VAE_DECODER, typed, wire_dtype="FP16") as (_, address):
        stage = RemoteStage.connect(VAE_DECODER, address, node_context("vae_decoder"), NoTracing())
        assert int(stage.run([latents(7)])[0]["image"].max()) == 7


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "[FACE_NOT_FOUND] no face", FaceNotFound),
        (grpc.StatusCode.UNAVAILABLE, TRITON_TEXT, ModelNotReady),
        (grpc.StatusCode.NOT_FOUND, TRITON_TEXT, ModelNotReady),
        (grpc.StatusCode.CANCELLED, TRITON_TEXT, ModelNotReady),
        (grpc.StatusCode.INTERNAL, TRITON_TEXT, StageFailed),
        (grpc.StatusCode.INVALID_ARGUMENT, "[NOT_PUBLIC] of no use to a caller", StageFailed),
    ],
)
def test_refusal_of_the_other_server_becomes_ours(
    status: grpc.StatusCode, text: str, kind: type[InstantIDError], node_context: ContextOf
) -> None:
    outcome = ask(node_context, lambda _, refuse: refuse(status, text))
    assert type(outcome) is kind
    assert leaks(str(outcome)) == []


def test_other_key_is_told_to_the_operator(
    node_context: ContextOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    refused = "[NOT_PUBLIC] vae_decoder answers this server's own models alone"
    ask(node_context, lambda _, refuse: refuse(grpc.StatusCode.INVALID_ARGUMENT, refused))
    assert "vae_decoder: the other server has another stage key" in caplog.text


def test_server_that_is_gone_is_asked_again_when_it_is_back(node_context: ContextOf) -> None:
    with other_triton(VAE_DECODER, brightness) as (_, address):
        stage = RemoteStage.connect(VAE_DECODER, address, node_context("vae_decoder"), NoTracing())
        watch = RemoteWatch({"vae_decoder": address, "safety": address})
        assert watch.states() == {"vae_decoder": "READY", "safety": "UNAVAILABLE"}
    (outcome,) = stage.run([latents(1)])
    assert isinstance(outcome, ModelNotReady)
    assert "try again in" in str(outcome)
    assert set(watch.states().values()) == {"UNAVAILABLE"}
    port = int(address.partition(":")[2])
    with other_triton(VAE_DECODER, brightness, port=port):
        deadline = threading.Event()
        threading.Timer(PATIENCE_S, deadline.set).start()
        while isinstance(stage.run([latents(1)])[0], ModelNotReady):
            assert not deadline.is_set()


def test_stage_is_loaded_here_unless_another_server_answers(
    node_context: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = node_context("vae_decoder")
    own = object()

    def load(name: str) -> Any:
        return load_stage(MODELS[name], lambda _: own, context, NoTracing())  # type: ignore[arg-type, return-value]

    with other_triton(VAE_DECODER, brightness) as (_, address):
        monkeypatch.setenv(REMOTE_VARIABLE, json.dumps({"vae_decoder": address}))
        assert isinstance(load("vae_decoder"), RemoteStage)
        assert load("text_encoder") is own
