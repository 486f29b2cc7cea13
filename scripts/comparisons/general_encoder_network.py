"""The general encoder: pictures to embeddings by what their captions say, as CLIP is trained.

It is the recogniser's own network, so that the two differ in what they are shown, whole pictures
here, and in what they are taught alone.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from scripts.pocket.arrays import Floats, Picture, Rows
from scripts.pocket.captions import training_caption
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, Drawings
from scripts.pocket.networks import EMBEDDING_WIDTH, POOLED_WIDTH, Recogniser, new_text_encoders
from scripts.pocket.recogniser_training import recogniser_input
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)
from scripts.pocket.vocabulary import MAX_TOKENS, load_tokenizer

BATCH = 64
_FIRST_SCALE = 1 / 0.07  # of the cosines, as in CLIP (arXiv 2103.00020); learned from there
_LARGEST_SCALE = 100.0
_EMBEDDED_AT_ONCE = 100


class ImageCaptionPair(nn.Module):
    """The encoder, and what is only needed to train it: a text encoder and a common space."""

    def __init__(self, tokenizer_folder: Path) -> None:
        super().__init__()
        self._tokenizer = load_tokenizer(tokenizer_folder)
        self.encoder = Recogniser()
        self.project = nn.Linear(EMBEDDING_WIDTH, POOLED_WIDTH, bias=False)
        _, self.text_encoder = new_text_encoders(len(self._tokenizer), self._tokenizer.eos_token_id)
        self.log_scale = nn.Parameter(torch.tensor(math.log(_FIRST_SCALE)))

    def forward(self, pictures: Tensor, captions: list[str]) -> Tensor:
        """Return scaled cosines [pictures, captions] for pictures [rows, 3, 128, 128]."""
        tokens = self._tokenizer(
            captions,
            padding="longest",
            max_length=MAX_TOKENS,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        shown = normalize(self.project(self.encoder(pictures)))
        said = normalize(self.text_encoder(tokens.to(pictures.device)).text_embeds)
        scale = self.log_scale.exp().clamp(max=_LARGEST_SCALE)
        cosines: Tensor = scale * shown @ said.T
        return cosines


def contrastive_loss(cosines: Tensor) -> Tensor:
    """Return the loss of finding each picture's caption and each caption's picture."""
    own = torch.arange(len(cosines), device=cosines.device)
    return (cross_entropy(cosines, own) + cross_entropy(cosines.T, own)) / 2


def train_encoder(
    pair: ImageCaptionPair, drawings: Drawings, options: RunOptions, seed: int = 0
) -> None:
    """Train on drawings and their captions for the time that the options allow."""
    on_training_device(pair)
    run = TrainingRun(pair, options)
    rng = np.random.default_rng([seed, run.step, 0xC11])
    for _ in run.steps():
        rows = np.sort(rng.choice(len(drawings.pictures), BATCH, replace=False))
        captions = [training_caption(drawings.scene(int(row)), rng) for row in rows]
        run.update(contrastive_loss(pair(_inputs(drawings, rows), captions)))


@torch.inference_mode()
def captions_found(pair: ImageCaptionPair, pictures: Picture, captions: list[str]) -> float:
    """Return the share of pictures whose own caption is the nearest of all."""
    cosines = pair.eval()(recogniser_input(pictures), captions)
    return float((cosines.argmax(1) == torch.arange(len(cosines))).float().mean())


@torch.inference_mode()
def embed_pictures(encoder: Recogniser, pictures: Picture) -> Floats:
    """Return raw embeddings [rows, 512] of whole pictures [rows, 128, 128, 3]."""
    encoder.eval()
    parts = [
        encoder(recogniser_input(np.asarray(pictures[start : start + _EMBEDDED_AT_ONCE])))
        for start in range(0, len(pictures), _EMBEDDED_AT_ONCE)
    ]
    embeddings: Floats = torch.cat(parts).numpy()
    return embeddings


def embed_drawings(encoder: Recogniser, drawings: Drawings) -> Floats:
    """Return embeddings [persons, 5, 512] of the training set."""
    embeddings = embed_pictures(encoder, drawings.pictures)
    by_person: Floats = embeddings.reshape(-1, PORTRAITS_PER_PERSON, EMBEDDING_WIDTH)
    return by_person


def _inputs(drawings: Drawings, rows: Rows) -> Tensor:
    inputs = recogniser_input(np.asarray(drawings.pictures[rows]))
    return inputs.to(training_device(), memory_format=torch.channels_last)
