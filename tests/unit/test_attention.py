"""Decoupled cross-attention, against diffusers' own and against the plain UNet."""

import pytest
import torch
from diffusers.models.attention_processor import Attention, IPAdapterAttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from tiny_networks import CROSS_ATTENTION_DIM, POOLED_DIM, tiny_adapter, tiny_unet
from torch import Tensor

from instantid_server.stages.attention import IdentityAttnProcessor, load_adapter

HIDDEN, TOKENS = 32, 16
PARTS = ("to_k_ip", "to_v_ip")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def attention() -> Attention:
    torch.manual_seed(0)
    return Attention(HIDDEN, CROSS_ATTENTION_DIM, heads=4, dim_head=8).eval()


@pytest.fixture
def processor() -> IdentityAttnProcessor:
    torch.manual_seed(1)
    return IdentityAttnProcessor(HIDDEN, CROSS_ATTENTION_DIM)


@pytest.fixture
def unet() -> UNet2DConditionModel:
    network = tiny_unet()
    load_adapter(network, tiny_adapter(network))
    return network


def predict(
    unet: UNet2DConditionModel, encoder_hidden_states: object, scale: list[float] | None
) -> Tensor:
    added = {"text_embeds": normal(2, POOLED_DIM), "time_ids": torch.ones(2, 6)}
    options = None if scale is None else {"adapter_scale": torch.tensor(scale)}
    with torch.inference_mode():
        output: Tensor = unet(
            normal(2, 4, 8, 8),
            torch.tensor([20, 900]),
            encoder_hidden_states=encoder_hidden_states,
            added_cond_kwargs=added,
            cross_attention_kwargs=options,
        ).sample
    return output


TEXT, FACE = normal(2, 77, CROSS_ATTENTION_DIM), normal(2, TOKENS, CROSS_ATTENTION_DIM, seed=9)


@pytest.mark.parametrize("scale", [0.3, 0.8, 1.5])
@torch.inference_mode()
def test_output_equals_that_of_diffusers_own_processor(
    attention: Attention, processor: IdentityAttnProcessor, scale: float
) -> None:
    theirs = IPAdapterAttnProcessor2_0(HIDDEN, CROSS_ATTENTION_DIM, num_tokens=(TOKENS,))
    theirs.to_k_ip[0].load_state_dict(processor.to_k_ip.state_dict())
    theirs.to_v_ip[0].load_state_dict(processor.to_v_ip.state_dict())
    theirs.scale = [scale]
    states = normal(2, 10, HIDDEN, seed=3)
    expected = theirs(attention, states, encoder_hidden_states=(TEXT, [FACE[:, None]]))
    got = processor(attention, states, (TEXT, FACE), adapter_scale=torch.tensor([scale] * 2))
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


@torch.inference_mode()
def test_rows_keep_their_own_scales(attention: Attention, processor: IdentityAttnProcessor) -> None:
    states, scales = normal(2, 10, HIDDEN, seed=3), torch.tensor([0.2, 1.4])
    together = processor(attention, states, (TEXT, FACE), adapter_scale=scales)
    for row in range(2):
        only = slice(row, row + 1)
        alone = processor(
            attention, states[only], (TEXT[only], FACE[only]), adapter_scale=scales[only]
        )
        torch.testing.assert_close(together[only], alone, atol=1e-6, rtol=1e-5)


@torch.inference_mode()
def test_no_scale_means_one(attention: Attention, processor: IdentityAttnProcessor) -> None:
    states = normal(2, 10, HIDDEN, seed=3)
    one = processor(attention, states, (TEXT, FACE), adapter_scale=torch.ones(2))
    assert torch.equal(processor(attention, states, (TEXT, FACE)), one)


def test_scale_of_zero_is_the_plain_unet(unet: UNet2DConditionModel) -> None:
    plain = predict(tiny_unet(), TEXT, None)
    torch.testing.assert_close(predict(unet, (TEXT, FACE), [0.0, 0.0]), plain, atol=1e-5, rtol=0)


def test_scale_of_one_row_leaves_the_other_row_alone(unet: UNet2DConditionModel) -> None:
    first, second = (predict(unet, (TEXT, FACE), [0.5, scale]) for scale in (0.0, 1.0))
    torch.testing.assert_close(first[0], second[0], atol=1e-6, rtol=0)
    assert (first[1] - second[1]).abs().max() > 1e-3


def test_keys_count_all_attention_layers_down_then_up_then_mid() -> None:
    unet = tiny_unet()
    tensors = {
        name: torch.full_like(tensor, float(number))
        for number, (name, tensor) in enumerate(tiny_adapter(unet).items())
    }
    load_adapter(unet, tensors)
    # One transformer in each of two down blocks, two in each of two up blocks, one in the middle.
    layers = [
        *(f"down_blocks.{block}.attentions.0" for block in (1, 2)),
        *(f"up_blocks.{block}.attentions.{place}" for block in (0, 1) for place in (0, 1)),
        "mid_block.attentions.0",
    ]
    keys = [f"{number}.{part}.weight" for number in range(1, 14, 2) for part in PARTS]
    assert list(tensors) == keys
    found = [
        float(getattr(cross_attention(unet, layer).processor, part).weight.detach().mean())
        for layer in layers
        for part in PARTS
    ]
    assert found == [float(number) for number in range(14)]


def cross_attention(unet: UNet2DConditionModel, layer: str) -> Attention:
    return unet.get_submodule(f"{layer}.transformer_blocks.0.attn2")


@pytest.mark.parametrize("part", PARTS)
def test_missing_key_is_refused(part: str) -> None:
    unet = tiny_unet()
    tensors = tiny_adapter(unet)
    del tensors[f"5.{part}.weight"]
    with pytest.raises(RuntimeError, match=f"Missing key.*5.{part}.weight"):
        load_adapter(unet, tensors)


def test_key_of_a_self_attention_layer_is_refused() -> None:
    unet = tiny_unet()
    extra = {"2.to_k_ip.weight": torch.ones(HIDDEN, CROSS_ATTENTION_DIM)}
    with pytest.raises(RuntimeError, match=r"Unexpected key.*2.to_k_ip.weight"):
        load_adapter(unet, {**tiny_adapter(unet), **extra})


def test_tensor_of_another_width_is_refused() -> None:
    unet = tiny_unet()
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_adapter(unet, {**tiny_adapter(unet), "1.to_k_ip.weight": torch.ones(HIDDEN, 7)})
