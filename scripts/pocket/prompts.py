"""Prompts: captions as the denoiser reads them, through both text encoders as in SDXL."""

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from scripts.pocket.vocabulary import MAX_TOKENS


class PromptEncoder(nn.Module):
    """Both tokenizers and text encoders."""

    def __init__(
        self,
        tokenizers: tuple[CLIPTokenizer, CLIPTokenizer],
        text_encoder: CLIPTextModel,
        text_encoder_2: CLIPTextModelWithProjection,
    ) -> None:
        super().__init__()
        self.tokenizers = tokenizers
        self.text_encoder = text_encoder
        self.text_encoder_2 = text_encoder_2

    def forward(self, captions: list[str]) -> tuple[Tensor, Tensor]:
        """Return prompt embeddings [rows, 77, 224] and pooled embeddings [rows, 128]."""
        device = self.text_encoder.device
        first = self.text_encoder(
            self._tokens(captions, 0).to(device), output_hidden_states=True
        ).hidden_states[-2]
        second = self.text_encoder_2(
            self._tokens(captions, 1).to(device), output_hidden_states=True
        )
        return torch.cat([first, second.hidden_states[-2]], dim=2), second.text_embeds

    def _tokens(self, captions: list[str], which: int) -> Tensor:
        tokens: Tensor = self.tokenizers[which](
            captions,
            padding="max_length",
            max_length=MAX_TOKENS,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        return tokens
