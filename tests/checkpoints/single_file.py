"""An SDXL checkpoint as one `.safetensors` file, as it is passed around: old names, no configs."""

from collections.abc import Mapping

import torch
from torch import Tensor

from tests.checkpoints.ldm_names import TEXT, TEXT_2, text_2_name, unet_name, vae_name
from tests.checkpoints.numbers import RandomTensors
from tests.checkpoints.scale import Scale
from tests.checkpoints.shapes import text_shapes, unet_shapes, vae_shapes

_ATTENTION = ".self_attn."
_QUERY = "q_proj."


def single_file_tensors(scale: Scale, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return what the file holds: the numbers of `write_sdxl_folder`."""
    unet = RandomTensors(unet_shapes(scale), dtype)
    vae = RandomTensors(vae_shapes(scale), dtype)
    text = RandomTensors(text_shapes(scale, 0), dtype)
    return {
        **{unet_name(name): tensor for name, tensor in unet.items()},
        **{vae_name(name): _convolution(name, tensor) for name, tensor in vae.items()},
        **{f"{TEXT}{name}": tensor for name, tensor in text.items()},
        f"{TEXT}text_model.embeddings.position_ids": torch.arange(77)[None],
        **_text_2(RandomTensors(text_shapes(scale, 1), dtype)),
        f"{TEXT_2}logit_scale": torch.tensor(4.6, dtype=dtype),  # of CLIP's training
    }


def _convolution(name: str, tensor: Tensor) -> Tensor:
    """Return the VAE's attention weights as the 1 x 1 convolutions that they were."""
    is_linear = ".attentions." in name and tensor.ndim == 2
    return tensor[:, :, None, None].contiguous() if is_linear else tensor


def _text_2(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return OpenCLIP's tensors: q, k and v in one, and the projection the other way round."""
    old: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if _ATTENTION in name and "out_proj" not in name:
            if _QUERY in name:
                parts = [tensors[name.replace(_QUERY, f"{part}_proj.")] for part in "qkv"]
                joined = text_2_name(name.replace(_QUERY, "in_proj_"))
                old[joined] = torch.cat(parts)
        elif name == "text_projection.weight":
            old[text_2_name(name)] = tensor.T.contiguous()
        else:
            old[text_2_name(name)] = tensor
    return old
