"""The ip-adapter file: InstantID's resampler, and a second key and value for each cross-attention.

Two forms are around: the released pickle with the dicts `image_proj` and `ip_adapter`, and one
.safetensors file with these words as prefixes.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

import torch
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from instantid_server.contract import EMBEDDING_SIZE, NUM_IDENTITY_TOKENS
from instantid_server.importing.checks import check_tensors
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.planned import TensorsFile
from instantid_server.importing.tensors import read_pickle, read_tensors, shapes_of
from instantid_server.stages.attention import install_adapter
from instantid_server.stages.compute import without_weights
from instantid_server.stages.resampler import HEAD_SIZE, from_diffusers

FILE_NAMES = ("ip-adapter.bin", "ip-adapter.safetensors")

_RESAMPLER = "image_proj"
_ADAPTER = "ip_adapter"
_RESAMPLER_DEPTH = 4  # this and the next: of InstantID's resampler
_RESAMPLER_FEED_FORWARD = 4  # times its width


def plan_ip_adapter(
    path: Path, unet: UNet2DConditionModel, dtype: torch.dtype
) -> list[TensorsFile]:
    """Return the two files that are made of `path`; `unet` is the skeleton they have to fit."""
    parts = read_ip_adapter(path)
    output_size = unet.config.cross_attention_dim
    if "latents" not in parts[_RESAMPLER]:
        raise ImportFailed(f"{path}: image_proj.latents is missing; it is no InstantID adapter")
    width = parts[_RESAMPLER]["latents"].shape[-1]
    wanted = {
        _RESAMPLER: expected_image_proj(width, output_size),
        _ADAPTER: expected_adapter(unet),
    }
    for part, tensors in parts.items():
        check_tensors(f"{path}, {part}", shapes_of(tensors), wanted[part])
    return [
        TensorsFile(
            PurePosixPath(place), wanted[part], dtype, partial(_read_part, path=path, part=part)
        )
        for part, place in (
            (_RESAMPLER, "id_resampler/1/image_proj.safetensors"),
            (_ADAPTER, "unet/1/ip_adapter.safetensors"),
        )
    ]


def find_ip_adapter(path: Path) -> Path:
    """Return the adapter file, given it or a folder that holds it under its released name."""
    if path.is_file():
        return path
    for name in FILE_NAMES:
        if (path / name).is_file():
            return path / name
    raise ImportFailed(f"{path}: expected {FILE_NAMES[0]}, or a folder that holds it")


def read_ip_adapter(path: Path) -> dict[str, Mapping[str, Tensor]]:
    """Return the tensors of `image_proj` and of `ip_adapter`, each by their InstantID names."""
    if path.suffix == ".safetensors":
        return _split_by_prefix(path, read_tensors(path))
    content = read_pickle(path)
    parts: dict[str, Mapping[str, Tensor]] = {}
    for part in (_RESAMPLER, _ADAPTER):
        held = content.get(part)
        tensors = held.items() if isinstance(held, dict) else ()
        found = {str(name): value for name, value in tensors if isinstance(value, Tensor)}
        if not isinstance(held, dict) or len(found) < len(held):
            raise ImportFailed(f"{path}: expected a dict of tensors called {part}")
        parts[part] = {name: tensor.detach() for name, tensor in found.items()}
    if unknown := sorted(str(name) for name in content.keys() - parts.keys()):
        raise ImportFailed(f"{path}: unexpected beside image_proj and ip_adapter: {unknown[0]}")
    return parts


def expected_image_proj(width: int, output_size: int) -> dict[str, torch.Size]:
    """Return the 51 shapes of a resampler that is `width` wide inside."""
    with without_weights():
        resampler = IPAdapterPlusImageProjection(
            embed_dims=EMBEDDING_SIZE,
            output_dims=output_size,
            hidden_dims=width,
            depth=_RESAMPLER_DEPTH,
            dim_head=HEAD_SIZE,
            heads=width // HEAD_SIZE,
            num_queries=NUM_IDENTITY_TOKENS,
            ffn_ratio=_RESAMPLER_FEED_FORWARD,
        )
    return shapes_of(from_diffusers(resampler.state_dict()))


def expected_adapter(unet: UNet2DConditionModel) -> dict[str, torch.Size]:
    """Return the shapes of an adapter for `unet`, a skeleton, which gets our processors."""
    with without_weights():
        processors = install_adapter(unet)
    return {
        f"{index}.{name}": tensor.shape
        for index, processor in processors.items()
        for name, tensor in processor.state_dict().items()
    }


def _read_part(path: Path, part: str) -> Mapping[str, Tensor]:
    return read_ip_adapter(path)[part]


def _split_by_prefix(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Mapping[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {_RESAMPLER: {}, _ADAPTER: {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise ImportFailed(f"{path}: {name} begins neither with image_proj nor with ip_adapter")
        parts[part][rest] = tensor
    return dict(parts)
