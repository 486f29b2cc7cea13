"""The prompt as SDXL reads it: two CLIP text models, joined, and one pooled embedding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
from transformers.utils.logging import disable_progress_bar

from instantid_server.contract import CHUNK_TOKENS, MAX_PROMPT_BYTES, MAX_PROMPT_CHUNKS
from instantid_server.errors import InstantIDError, InvalidInput
from instantid_server.node import NodeContext, Outcome, Tensors
from instantid_server.stages.compute import Compute
from instantid_server.stages.warmup import warm_up

WORDS_A_CHUNK = CHUNK_TOKENS - 2


@dataclass(frozen=True)
class Encoder:
    """A text model and the tokenizer it was trained with."""

    tokenizer: CLIPTokenizer
    network: CLIPTextModel | CLIPTextModelWithProjection

    def tokenize(self, prompt: str, num_chunks: int) -> list[list[int]]:
        """Return exactly `num_chunks` chunks of 77 token ids; spare ones hold no word."""
        ids = self.words(prompt)
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        padding = self.tokenizer.pad_token_id  # SDXL's two tokenizers pad differently
        chunks = []
        for first in range(0, num_chunks * WORDS_A_CHUNK, WORDS_A_CHUNK):
            chunk = [start, *ids[first : first + WORDS_A_CHUNK], end]
            chunks.append(chunk + [padding] * (CHUNK_TOKENS - len(chunk)))
        return chunks

    def words(self, prompt: str) -> list[int]:
        """Return the token ids of `prompt` without start, end and padding."""
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
        return ids


class TextEncoder:
    """Prompts of any length up to a few chunks of 75 tokens; weights `(x:1.2)` are not parsed."""

    # Prompts are strings, so they come as numpy.
    from_dlpack = None

    def __init__(self, encoders: tuple[Encoder, Encoder], compute: Compute) -> None:
        self._encoders = encoders
        self._compute = compute

    @classmethod
    def load(cls, context: NodeContext) -> "TextEncoder":
        """Load SDXL's four folders of tokenizers and text encoders."""
        disable_progress_bar()  # it would fill the server's log
        compute = Compute.from_context(context)
        folder = context.directory
        encoders = (
            _load_encoder(folder, "", CLIPTextModel, compute),
            _load_encoder(folder, "_2", CLIPTextModelWithProjection, compute),
        )
        stage = cls(encoders, compute)
        warm_up(stage.run, _empty_prompts, context.max_batch_size)
        return stage

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Answer with `prompt_embeds` and `pooled_prompt_embeds`.

        The prompts of one request, such as the negative and the positive one, come out equally
        long. Chunks of all requests go through the encoders together.
        """
        outcomes: dict[int, Outcome] = {}
        chunks: tuple[list[list[int]], list[list[int]]] = ([], [])
        spans: dict[int, tuple[int, int, int]] = {}  # request -> first chunk, prompts, chunks each
        for index, request in enumerate(requests):
            try:
                prompts = [_decode(prompt) for prompt in request["prompt"][:, 0]]
                num_chunks = max(self._count_chunks(prompt) for prompt in prompts)
            except InstantIDError as error:
                outcomes[index] = error
                continue
            spans[index] = (len(chunks[0]), len(prompts), num_chunks)
            for encoder, of_encoder in zip(self._encoders, chunks, strict=True):
                for prompt in prompts:
                    of_encoder += encoder.tokenize(prompt, num_chunks)
        if spans:
            embeds, pooled = self._forward(chunks)
            outcomes.update(_split(embeds, pooled, spans))
        return [outcomes[index] for index in range(len(requests))]

    def _count_chunks(self, prompt: str) -> int:
        num_tokens = max(len(encoder.words(prompt)) for encoder in self._encoders)
        num_chunks = max(1, -(-num_tokens // WORDS_A_CHUNK))
        if num_chunks > MAX_PROMPT_CHUNKS:
            limit = MAX_PROMPT_CHUNKS * WORDS_A_CHUNK
            raise InvalidInput(f"prompt: expected at most {limit} tokens, got {num_tokens}")
        return num_chunks

    @torch.inference_mode()
    def _forward(self, chunks: tuple[list[list[int]], list[list[int]]]) -> tuple[Tensor, Tensor]:
        """Return (chunks, 77, D) and (chunks, P), as SDXL's `encode_prompt` does."""
        outputs = [
            encoder.network(
                torch.tensor(of_encoder, device=self._compute.device), output_hidden_states=True
            )
            for encoder, of_encoder in zip(self._encoders, chunks, strict=True)
        ]
        embeds = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
        return self._compute.give(embeds), self._compute.give(outputs[1].text_embeds)


def _split(
    embeds: Tensor, pooled: Tensor, spans: Mapping[int, tuple[int, int, int]]
) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    for index, (first, num_prompts, num_chunks) in spans.items():
        rows = slice(first, first + num_prompts * num_chunks)
        outcomes[index] = {
            "prompt_embeds": embeds[rows].reshape(num_prompts, num_chunks * CHUNK_TOKENS, -1),
            "pooled_prompt_embeds": pooled[rows][::num_chunks],  # of the first chunk
        }
    return outcomes


def _load_encoder(
    folder: Path,
    suffix: str,
    kind: type[CLIPTextModel] | type[CLIPTextModelWithProjection],
    compute: Compute,
) -> Encoder:
    tokenizer = CLIPTokenizer.from_pretrained(folder / f"tokenizer{suffix}", local_files_only=True)
    network = kind.from_pretrained(folder / f"text_encoder{suffix}", local_files_only=True)
    return Encoder(tokenizer, compute.ready(network.to(compute.device, compute.dtype)))


def _empty_prompts(rows: int) -> Tensors:
    return {"prompt": np.full((rows, 1), b"", dtype=np.object_)}


def _decode(prompt: bytes) -> str:
    if len(prompt) > MAX_PROMPT_BYTES:
        raise InvalidInput(f"prompt: expected at most {MAX_PROMPT_BYTES} bytes, got {len(prompt)}")
    try:
        return prompt.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("prompt: expected UTF-8 text") from error
