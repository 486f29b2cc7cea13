"""The names that SDXL's tensors had before diffusers: those of a single-file checkpoint."""

import re

UNET, VAE = "model.diffusion_model.", "first_stage_model."
TEXT, TEXT_2 = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE_PARTS = {
    "conv_shortcut": "nin_shortcut",
    "conv_norm_out": "norm_out",
    "mid_block.attentions.0": "mid.attn_1",
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "group_norm": "norm",
    "to_out.0": "proj_out",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "downsamplers.0": "downsample",
    "upsamplers.0": "upsample",
}
_TEXT_2_PARTS = {
    "text_model.encoder.layers": "transformer.resblocks",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm": "ln_final",
    "text_projection.weight": "text_projection",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn": "attn",
}


def unet_name(name: str) -> str:
    """Return the old name of a tensor of the UNet."""
    end, kind = name.rsplit(".", maxsplit=1)
    if end in _UNET_ENDS:
        return f"{UNET}{_UNET_ENDS[end]}.{kind}"
    if found := re.match(r"(\w+)_blocks?\.(.*)", name):
        place, rest = found.groups()
        return f"{UNET}{_middle(rest) if place == 'mid' else _outer(place, rest)}"
    raise ValueError(f"{name} is no tensor of SDXL's UNet")


def vae_name(name: str) -> str:
    """Return the old name of a tensor of the VAE."""
    name = _replaced(name, _VAE_PARTS)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)", r"down.\1", name)
    # The decoder counted its levels from the picture down, diffusers counts them from the middle.
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)", lambda m: f"up.{3 - int(m[1])}", name)
    return VAE + name


def text_2_name(name: str) -> str:
    """Return OpenCLIP's name of a tensor of the second text encoder that is not q, k or v."""
    return TEXT_2 + _replaced(name, _TEXT_2_PARTS)


def _middle(rest: str) -> str:
    kind, index, inner = rest.split(".", maxsplit=2)
    if kind == "attentions":
        return f"middle_block.1.{inner}"
    return f"middle_block.{2 * int(index)}.{_replaced(inner, _RESNET)}"


def _outer(place: str, rest: str) -> str:
    """Return the old name inside the down or up blocks, which had one running number."""
    block, kind, index, inner = rest.split(".", maxsplit=3)
    blocks = {"down": "input_blocks", "up": "output_blocks"}[place]
    first = 3 * int(block) + (place == "down")  # input block 0 is the first convolution
    if kind == "resnets":
        return f"{blocks}.{first + int(index)}.0.{_replaced(inner, _RESNET)}"
    if kind == "attentions":
        return f"{blocks}.{first + int(index)}.1.{inner}"
    if kind == "downsamplers":
        return f"{blocks}.{first + 2}.0.{inner.replace('conv', 'op')}"
    return f"{blocks}.{first + 2}.2.{inner}"  # after the attention of the last of the three


def _replaced(name: str, parts: dict[str, str]) -> str:
    """Return `name` with every part of it that `parts` knows in its old spelling."""
    for new, old in parts.items():
        name = re.sub(rf"(^|\.){re.escape(new)}(?=\.|$)", rf"\g<1>{old}", name)
    return name
