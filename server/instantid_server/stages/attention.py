"""Decoupled cross-attention: a second key and value for the identity tokens, beside the text.

InstantID, section 3.2, equation 2. diffusers' own IP-Adapter processors keep the scale as module
state and skip the branch by comparing it with a number; here it arrives with each row.
"""

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class SelfAttnProcessor(AttnProcessor2_0):  # type: ignore[misc]  # diffusers is untyped
    """Plain self-attention that tolerates the keyword of its neighbour."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        adapter_scale: Tensor | None = None,
    ) -> Tensor:
        """Attend (rows, positions, channels) to itself; `adapter_scale` is not used."""
        output: Tensor = super().__call__(
            attn, hidden_states, encoder_hidden_states, attention_mask, temb
        )
        return output


class IdentityAttnProcessor(nn.Module):
    """Cross-attention to `(prompt_embeds, identity_tokens)` with a scale per row."""

    def __init__(self, hidden_size: int, cross_attention_dim: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(cross_attention_dim, hidden_size, bias=False)
        self.to_v_ip = nn.Linear(cross_attention_dim, hidden_size, bias=False)

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        adapter_scale: Tensor | None = None,
    ) -> Tensor:
        """Return attn(text) + adapter_scale * attn(identity), both with the same query.

        Shapes: hidden_states (rows, positions, channels), prompt_embeds (rows, words, D),
        identity_tokens (rows, 16, D), adapter_scale (rows,); no scale means 1.
        """
        prompt_embeds, identity_tokens = encoder_hidden_states
        query = _split_heads(attn.to_q(hidden_states), attn.heads)
        text = _attend(query, attn.to_k(prompt_embeds), attn.to_v(prompt_embeds))
        identity = _attend(query, self.to_k_ip(identity_tokens), self.to_v_ip(identity_tokens))
        if adapter_scale is not None:
            identity = identity * adapter_scale.to(identity.dtype).view(-1, 1, 1)
        output: Tensor = attn.to_out[0](text + identity)
        return output


def install_adapter(unet: UNet2DConditionModel) -> dict[int, IdentityAttnProcessor]:
    """Put our processors into `unet` and return the identity ones by InstantID's key index.

    The released `ip_adapter` weights count *all* attention layers in the order of diffusers'
    `attn_processors` (down, up, then mid), so cross-attention has the odd numbers
    (IP-Adapter, `pipeline_stable_diffusion_xl_instantid.py::set_ip_adapter`).
    """
    processors: dict[str, AttnProcessor2_0 | IdentityAttnProcessor] = {}
    identity_processors: dict[int, IdentityAttnProcessor] = {}
    for index, name in enumerate(unet.attn_processors):
        attention: Attention = unet.get_submodule(name.removesuffix(".processor"))
        if not attention.is_cross_attention:
            processors[name] = SelfAttnProcessor()
            continue
        processor = IdentityAttnProcessor(attention.inner_dim, attention.cross_attention_dim)
        identity_processors[index] = processor.to(unet.device, unet.dtype)
        processors[name] = identity_processors[index]
    unet.set_attn_processor(processors)
    return identity_processors


def load_adapter(unet: UNet2DConditionModel, ip_adapter: dict[str, Tensor]) -> None:
    """Install the processors and fill them from `ip_adapter` ("1.to_k_ip.weight", ...).

    Raises RuntimeError, as torch does, when a key is missing, unexpected or of another shape.
    """
    installed = install_adapter(unet)
    layers = nn.ModuleDict({str(index): processor for index, processor in installed.items()})
    layers.load_state_dict(ip_adapter)


def _split_heads(states: Tensor, heads: int) -> Tensor:
    rows, length, channels = states.shape
    return states.view(rows, length, heads, channels // heads).transpose(1, 2)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return (rows, positions, channels) for a query already split into heads."""
    heads = query.shape[1]
    attended = scaled_dot_product_attention(
        query, _split_heads(key, heads), _split_heads(value, heads)
    )
    return torch.flatten(attended.transpose(1, 2), start_dim=2)
