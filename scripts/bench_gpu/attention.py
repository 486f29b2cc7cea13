"""Attention that does less: one product for three projections, and keys that outlive a step."""

from collections.abc import Sequence

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class FusedSelfAttention:
    """Self-attention whose query, key and value come out of one matrix product."""

    def __init__(self, attn: Attention) -> None:
        attn.fuse_projections()

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        adapter_scale: Tensor | None = None,
    ) -> Tensor:
        """Attend (rows, positions, channels) to itself; what a neighbour needs is not used."""
        query, key, value = (
            _split_heads(part, attn.heads) for part in attn.to_qkv(hidden_states).chunk(3, dim=-1)
        )
        output: Tensor = attn.to_out[0](_join_heads(query, key, value))
        return output


class RememberingCrossAttention:
    """Cross-attention to contexts that stay as they are for a whole picture.

    `projections` are the key and value layers of each context: the text's and, in the UNet, the
    face's, whose part is scaled.
    """

    def __init__(self, attn: Attention, projections: Sequence[tuple[nn.Module, nn.Module]]) -> None:
        self._heads = attn.heads
        self._projections = projections
        self._remembered: list[tuple[Tensor, Tensor]] = []

    def remember(self, contexts: Sequence[Tensor]) -> None:
        """Compute the keys and values of the contexts (rows, tokens, width) of a new picture."""
        self._remembered = [
            (_split_heads(to_k(context), self._heads), _split_heads(to_v(context), self._heads))
            for (to_k, to_v), context in zip(self._projections, contexts, strict=True)
        ]

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: object = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        adapter_scale: Tensor | None = None,
    ) -> Tensor:
        """Attend to what is remembered, whatever `encoder_hidden_states` are."""
        query = _split_heads(attn.to_q(hidden_states), self._heads)
        text, *faces = (_join_heads(query, key, value) for key, value in self._remembered)
        for face in faces:
            scaled = face if adapter_scale is None else face * adapter_scale.view(-1, 1, 1)
            text = text + scaled
        output: Tensor = attn.to_out[0](text)
        return output


def _split_heads(states: Tensor, heads: int) -> Tensor:
    split: Tensor = states.unflatten(2, (heads, -1)).transpose(1, 2)
    return split


def _join_heads(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    attended = scaled_dot_product_attention(query, key, value)
    return torch.flatten(attended.transpose(1, 2), start_dim=2)
