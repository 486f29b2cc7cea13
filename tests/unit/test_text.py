"""Text, against transformers' own tokenisation and SDXL's way of encoding."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from batches import texts
from tiny_networks import CROSS_ATTENTION_DIM, POOLED_DIM
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from instantid_server.errors import InvalidInput
from instantid_server.node import NodeContext, Outcome
from instantid_server.stages.text import TextEncoder

KINDS = {"": CLIPTextModel, "_2": CLIPTextModelWithProjection}


@pytest.fixture
def encoder(node_context: Callable[[str], NodeContext]) -> TextEncoder:
    return TextEncoder.load(node_context("text_encoder"))


@pytest.fixture
def folder(tiny_repository: Path) -> Path:
    return tiny_repository / "text_encoder/1"


def encode(encoder: TextEncoder, *prompts: str) -> Outcome:
    (outcome,) = encoder.run([{"prompt": texts(list(prompts))}])
    return outcome


@torch.inference_mode()
def encode_as_sdxl(folder: Path, prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what SDXL's pipeline makes of a prompt of up to 75 tokens."""
    embeds = []
    for suffix, kind in KINDS.items():
        tokenizer = CLIPTokenizer.from_pretrained(folder / f"tokenizer{suffix}")
        ids = tokenizer(prompt, padding="max_length", max_length=77, return_tensors="pt").input_ids
        network = kind.from_pretrained(folder / f"text_encoder{suffix}")
        output = network(ids, output_hidden_states=True)
        embeds.append(output.hidden_states[-2])
    return torch.cat(embeds, dim=-1), output.text_embeds


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("prompt", ["", "a portrait", "x" * 75], ids=["empty", "short", "full"])
def test_one_chunk_is_transformers_own_padded_tokenisation(
    encoder: TextEncoder, folder: Path, suffix: str, prompt: str
) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(folder / f"tokenizer{suffix}")
    expected = tokenizer(prompt, padding="max_length", max_length=77).input_ids
    ours = encoder._encoders[list(KINDS).index(suffix)]
    assert ours.tokenize(prompt, num_chunks=1) == [expected]


@pytest.mark.parametrize("prompt", ["", "a portrait in the snow", "x" * 75])
def test_embeddings_equal_sdxls(encoder: TextEncoder, folder: Path, prompt: str) -> None:
    embeds, pooled = encode_as_sdxl(folder, prompt)
    outcome = encode(encoder, prompt)
    torch.testing.assert_close(outcome["prompt_embeds"], embeds, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(outcome["pooled_prompt_embeds"], pooled, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("words", "chunks"), [(0, 1), (75, 1), (76, 2), (150, 2), (300, 4)])
def test_long_prompt_goes_on_in_further_chunks(
    encoder: TextEncoder, words: int, chunks: int
) -> None:
    outcome = encode(encoder, "x" * words)
    assert outcome["prompt_embeds"].shape == (1, 77 * chunks, CROSS_ATTENTION_DIM)
    assert outcome["pooled_prompt_embeds"].shape == (1, POOLED_DIM)


def test_each_chunk_is_encoded_as_a_prompt_of_its_own(encoder: TextEncoder) -> None:
    # No word ends inside, so that the second chunk is "yyy" at the end of a word.
    outcome = encode(encoder, "x " * 75 + "yyy")
    first, second = encode(encoder, "x " * 75), encode(encoder, "yyy")
    expected = torch.cat([first["prompt_embeds"], second["prompt_embeds"]], dim=1)
    torch.testing.assert_close(outcome["prompt_embeds"], expected, atol=1e-5, rtol=0)
    pooled = first["pooled_prompt_embeds"]
    torch.testing.assert_close(outcome["pooled_prompt_embeds"], pooled, atol=1e-5, rtol=0)


def test_shorter_prompt_of_a_pair_is_filled_up_with_an_empty_chunk(encoder: TextEncoder) -> None:
    outcome = encode(encoder, "bad hands", "x" * 100)
    expected = torch.cat([encode(encoder, text)["prompt_embeds"] for text in ("bad hands", "")], 1)
    torch.testing.assert_close(outcome["prompt_embeds"][:1], expected, atol=1e-5, rtol=0)
    pooled = encode(encoder, "bad hands")["pooled_prompt_embeds"]
    torch.testing.assert_close(outcome["pooled_prompt_embeds"][:1], pooled, atol=1e-5, rtol=0)


def test_two_tokenizers_pad_with_tokens_of_their_own(encoder: TextEncoder) -> None:
    last = [one.tokenize("a portrait", 1)[0][-1] for one in encoder._encoders]
    assert last == [one.tokenizer.pad_token_id for one in encoder._encoders]
    assert last[0] != last[1]


def test_too_long_prompt_is_refused_with_its_length(encoder: TextEncoder) -> None:
    outcome = encode(encoder, "", "x" * 301)
    assert isinstance(outcome, InvalidInput)
    assert outcome.message == "prompt: expected at most 300 tokens, got 301"


def test_requests_come_back_in_order_around_a_bad_one(encoder: TextEncoder) -> None:
    requests = [{"prompt": texts(prompts)} for prompts in (["a"], ["b" * 999], ["c", "d"])]
    first, bad, last = encoder.run(requests)
    assert isinstance(bad, InvalidInput)
    assert (len(first["prompt_embeds"]), len(last["prompt_embeds"])) == (1, 2)
    alone = encode(encoder, "c", "d")["prompt_embeds"]
    np.testing.assert_allclose(last["prompt_embeds"], alone, atol=1e-5)
