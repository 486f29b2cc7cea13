"""The resampler, against a second statement of InstantID's."""

import math

import pytest
import torch
from tiny_networks import CROSS_ATTENTION_DIM, tiny_image_proj
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from instantid_server.stages.resampler import build_resampler, from_diffusers, to_diffusers

HEADS, HEAD_SIZE = 2, 64


def resample_plainly(weights: dict[str, Tensor], embedding: Tensor) -> Tensor:
    """Return the tokens (rows, 16, D) of embeddings (rows, 1, 512), layer by layer."""
    features = linear(embedding, weights["proj_in.weight"], weights["proj_in.bias"])
    latents = weights["latents"].repeat(len(embedding), 1, 1)
    for layer in range(4):
        latents = latents + attend(weights, f"layers.{layer}.0", features, latents)
        hidden = normalise(weights, f"layers.{layer}.1.0", latents)
        hidden = gelu(linear(hidden, weights[f"layers.{layer}.1.1.weight"]))
        latents = latents + linear(hidden, weights[f"layers.{layer}.1.3.weight"])
    tokens = linear(latents, weights["proj_out.weight"], weights["proj_out.bias"])
    return normalise(weights, "norm_out", tokens)


def attend(weights: dict[str, Tensor], name: str, features: Tensor, latents: Tensor) -> Tensor:
    features = normalise(weights, f"{name}.norm1", features)
    latents = normalise(weights, f"{name}.norm2", latents)
    query = linear(latents, weights[f"{name}.to_q.weight"])
    both = torch.cat([features, latents], dim=1)
    key, value = linear(both, weights[f"{name}.to_kv.weight"]).chunk(2, dim=-1)
    query, key, value = (
        part.unflatten(-1, (HEADS, HEAD_SIZE)).transpose(1, 2) for part in (query, key, value)
    )
    similarity = query @ key.transpose(-1, -2) / math.sqrt(HEAD_SIZE)
    attended = (similarity.softmax(dim=-1) @ value).transpose(1, 2).flatten(-2)
    return linear(attended, weights[f"{name}.to_out.weight"])


def normalise(weights: dict[str, Tensor], name: str, states: Tensor) -> Tensor:
    return layer_norm(states, states.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])


def test_released_file_has_51_tensors() -> None:
    assert len(tiny_image_proj()) == 51


@torch.inference_mode()
def test_tokens_equal_the_plain_statement() -> None:
    weights = tiny_image_proj()
    embedding = 3 * torch.randn(3, 1, 512, generator=torch.Generator().manual_seed(0))
    tokens = build_resampler(weights)(embedding)
    torch.testing.assert_close(tokens, resample_plainly(weights, embedding), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_nobodys_face_has_tokens_of_its_own() -> None:
    tokens = build_resampler(tiny_image_proj())(torch.zeros(1, 1, 512))
    assert tokens.shape == (1, 16, CROSS_ATTENTION_DIM)
    assert tokens.abs().mean() > 0.1


def test_names_of_diffusers_and_back_are_the_same_tensors() -> None:
    weights = tiny_image_proj()
    back = from_diffusers(to_diffusers(weights))
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)


@pytest.mark.parametrize("name", ["proj_in.bias", "layers.2.0.norm1.weight", "layers.3.1.3.weight"])
def test_missing_tensor_is_refused(name: str) -> None:
    weights = tiny_image_proj()
    del weights[name]
    with pytest.raises(RuntimeError, match="Missing key"):
        build_resampler(weights)


def test_unexpected_tensor_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Unexpected key"):
        build_resampler({**tiny_image_proj(), "layers.0.0.gate.weight": torch.ones(1)})
