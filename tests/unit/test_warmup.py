"""Stages run before anybody asks, on one row and on a full batch of the weights' native size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from tiny_networks import LATENT_CHANNELS, POOLED_DIM, SIDE_PX, UNET_CONFIG
from torch import Tensor

from instantid_server.contract import VAE_DECODER
from instantid_server.errors import InstantIDError, InvalidInput
from instantid_server.node import NodeContext
from instantid_server.stages.unet import Unet
from instantid_server.stages.warmup import NativeSize, pooled_size, warm_up, zeros

Context = Callable[[str], NodeContext]


@pytest.mark.parametrize(
    ("max_batch_size", "rows"), [(16, [1, 16]), (1, [1])], ids=["batches", "one-at-a-time"]
)
def test_stage_runs_on_one_row_and_on_a_full_batch(max_batch_size: int, rows: list[int]) -> None:
    seen: list[int] = []

    def run(requests: Sequence[int]) -> list[None]:
        seen.extend(requests)
        return [None]

    warm_up(run, lambda rows: rows, max_batch_size)
    assert seen == rows


def test_stage_that_cannot_answer_does_not_load() -> None:
    def run(requests: Sequence[int]) -> list[InstantIDError]:
        return [InvalidInput("latents: wrong")]

    with pytest.raises(InvalidInput, match="latents: wrong"):
        warm_up(run, lambda rows: rows, 4)


def test_sample_has_the_native_size_of_the_weights(node_context: Context) -> None:
    native = NativeSize.of(node_context("vae_decoder"))
    sizes = {"latents": native.latents(LATENT_CHANNELS)}
    request = zeros(VAE_DECODER, sizes, 2)
    assert request["latents"].shape == (2, LATENT_CHANNELS, SIDE_PX // 8, SIDE_PX // 8)
    assert native.image == (SIDE_PX, SIDE_PX, 3)


def test_pooled_size_is_what_the_networks_time_embedding_leaves() -> None:
    assert pooled_size(UNET_CONFIG) == POOLED_DIM  # type: ignore[arg-type]  # numbers where it looks


def test_unet_is_warm_when_it_is_loaded(
    node_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards: list[int] = []
    forward = Unet._forward

    def counted(stage: Unet, rows: dict[str, Tensor], count: int) -> Mapping[str, Tensor]:
        forwards.append(len(rows["latents"]))
        return forward(stage, rows, count)

    monkeypatch.setattr(Unet, "_forward", counted)
    Unet.load(replace(node_context("unet"), max_batch_size=3))
    assert forwards == [1, 3]
    torch.set_num_threads(1)  # the config says otherwise
