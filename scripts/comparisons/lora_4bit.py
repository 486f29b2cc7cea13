"""Four bits: the base's linear layers as QLoRA keeps them (arXiv 2305.14314), by bitsandbytes.

bitsandbytes is not among the requirements, for it brings 120 MB of GPU libraries; with
`pip install --no-deps bitsandbytes==0.50.2` it runs on the CPU too.
"""

import copy
from importlib.util import find_spec

import torch
from diffusers import UNet2DConditionModel
from torch import nn


def is_installed() -> bool:
    """Tell whether bitsandbytes can be imported."""
    return find_spec("bitsandbytes") is not None


def in_four_bits(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Return a copy whose linear layers are NF4; convolutions and the adapter stay as they are."""
    from bitsandbytes.nn import Linear4bit  # type: ignore[import-not-found]  # not a requirement

    quantised = copy.deepcopy(unet)
    for name, layer in list(quantised.named_modules()):
        if not isinstance(layer, nn.Linear) or ".processor." in name:
            continue
        four_bit = Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=torch.float32,
            quant_type="nf4",
        )
        four_bit.load_state_dict(layer.state_dict())
        quantised.set_submodule(name, four_bit.to(layer.weight.device))
    quantised.is_loaded_in_4bit = True  # peft asks for this
    return quantised


def weight_bytes(unet: UNet2DConditionModel) -> int:
    """Return the memory that the weights take."""
    held: int = sum(parameter.nbytes for parameter in unet.parameters())
    for layer in unet.modules():
        four_bit = getattr(getattr(layer, "weight", None), "quant_state", None)
        if four_bit is not None:
            held += four_bit.absmax.nbytes  # the scale of each block
    return held
