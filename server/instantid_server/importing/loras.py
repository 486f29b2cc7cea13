"""LoRAs, added to the weights for good: every picture of the repository is then drawn with them.

Names come in the two forms that diffusers knows, its own and kohya's. What is no plain LoRA (LoHa,
LoKr, DoRA) is refused, for left out it would quietly give other pictures than its author's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from diffusers.loaders import StableDiffusionXLLoraLoaderMixin
from diffusers.utils.state_dict_utils import (
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
)
from safetensors import safe_open
from torch import Tensor

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import Network
from instantid_server.importing.sdxl import ENCODER_FOLDERS, TEXT_WRAPPER
from instantid_server.importing.tensors import Shapes, read_tensors

COMPONENTS = ("unet", *ENCODER_FOLDERS)

_DOWN = ("lora_down.weight", "lora.down.weight", "lora_A.weight", "lora_linear_layer.down.weight")
_UP = ("lora_up.weight", "lora.up.weight", "lora_B.weight", "lora_linear_layer.up.weight")
_ALPHA = ".alpha"
_DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"
_PEFT_SETTINGS = "lora_adapter_metadata"  # where diffusers keeps what PEFT was told
# Beside lora_alpha; false or empty they change nothing.
_PEFT_STRENGTHS = ("use_rslora", "alpha_pattern", "rank_pattern")

Factors = Mapping[str, tuple[Tensor, Tensor]]  # name of a weight -> down, up


@dataclass(frozen=True)
class Lora:
    """A LoRA file, how strongly it is added, and its factors for each component."""

    path: Path
    scale: float
    factors: Mapping[str, Factors]


def find_lora(path: Path) -> Path:
    """Return the LoRA file, given it or a folder that holds it under diffusers' name."""
    file = path / _DIFFUSERS_FILE if path.is_dir() else path
    if not file.is_file():
        raise ImportFailed(f"{file}: missing; give the LoRA's file by its name")
    return file


def read_lora(path: Path, scale: float, unet_config: object) -> Lora:
    """Return the LoRA with diffusers' names; `unet_config` is that of the UNet's skeleton."""
    tensors = read_tensors(path)
    if odd := [name for name in tensors if not name.endswith((*_DOWN, *_UP, _ALPHA))]:
        raise ImportFailed(
            f"{path}: {odd[0]} is no part of a plain LoRA (LoHa, LoKr and DoRA are not taken); "
            "fuse it into the checkpoint with the tool it was made with"
        )
    _check_peft_settings(path)
    scaled = _with_alphas(path, tensors)
    try:
        # It empties the dict that it is given.
        named, _ = StableDiffusionXLLoraLoaderMixin.lora_state_dict(
            dict(scaled), unet_config=unet_config
        )
        factors = {component: _factors(component, named) for component in COMPONENTS}
    except (ValueError, KeyError, IndexError) as error:
        raise ImportFailed(f"{path}: diffusers does not know the names in it") from error
    if 2 * sum(map(len, factors.values())) != len(scaled):
        raise ImportFailed(f"{path}: holds more than the LoRAs of {', '.join(COMPONENTS)}")
    return Lora(path, scale, factors)


def with_loras(network: Network, component: str, shapes: Shapes, loras: Sequence[Lora]) -> Network:
    """Return `network` with what the LoRAs add to it; refuse one that does not fit `shapes`."""
    added: list[tuple[float, Factors]] = []
    for lora in loras:
        factors = {_wanted(name, shapes): both for name, both in lora.factors[component].items()}
        for name, (down, up) in factors.items():
            if name not in shapes or not _fits(down, up, shapes[name].numel()):
                raise ImportFailed(
                    f"{lora.path}: {component} has no {name} of its shape; it is a LoRA of another "
                    "kind of network than SDXL's"
                )
        if factors:
            added.append((lora.scale, factors))
    return replace(network, read=partial(_Fused, network, added)) if added else network


class _Fused(Mapping[str, Tensor]):
    """A network's tensors with the LoRAs in them, each computed when it is asked for."""

    def __init__(self, network: Network, added: Sequence[tuple[float, Factors]]) -> None:
        self._tensors = network.read()
        self._added = added

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._tensors[name]
        for scale, factors in self._added:
            if name in factors:
                down, up = factors[name]
                change = up.float().flatten(1) @ down.float().flatten(1)
                tensor = tensor.float() + scale * change.reshape(tensor.shape)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def _check_peft_settings(path: Path) -> None:
    """Refuse a LoRA whose strength is not in its tensors."""
    if path.suffix != ".safetensors":
        return
    with safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(_PEFT_SETTINGS, "{}")
    try:
        settings = dict(json.loads(text))
    except (TypeError, ValueError) as error:
        raise ImportFailed(f"{path}: its {_PEFT_SETTINGS} cannot be read") from error
    for name, value in settings.items():
        component, dot, setting = name.rpartition(".")
        if setting == "lora_alpha":
            apart = value != settings.get(f"{component}{dot}r")
        else:
            apart = setting in _PEFT_STRENGTHS and bool(value)
        if apart:
            raise ImportFailed(
                f"{path}: {name} sets its strength apart from the tensors; fuse it into the "
                "checkpoint with diffusers, or save it with alphas as kohya's tools do"
            )


def _with_alphas(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the factors, scaled by alpha / rank where the file has an alpha."""
    scaled = {name: value for name, value in tensors.items() if not name.endswith(_ALPHA)}
    for name, alpha in tensors.items():
        if not name.endswith(_ALPHA):
            continue
        module = name.removesuffix(_ALPHA)
        downs = [f"{module}.{ending}" for ending in _DOWN if f"{module}.{ending}" in scaled]
        if not downs:
            raise ImportFailed(f"{path}: {name} belongs to no tensor of the file")
        down = scaled[downs[0]]
        scaled[downs[0]] = down.float() * (alpha.item() / len(down))
    return scaled


def _factors(component: str, named: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return (down, up) by the name of the weight they are added to."""
    prefix = f"{component}."
    own = {name.removeprefix(prefix): t for name, t in named.items() if name.startswith(prefix)}
    if own and not any(".lora_A." in name for name in own):
        of_unet = component == "unet"
        convert = convert_unet_state_dict_to_peft if of_unet else convert_state_dict_to_peft
        own = convert(own)
    return {
        name.replace(".lora_A.", "."): (down, own[name.replace(".lora_A.", ".lora_B.")])
        for name, down in own.items()
        if ".lora_A." in name
    }


def _wanted(name: str, shapes: Shapes) -> str:
    """Return the name that the installed transformers has for a weight of a text encoder."""
    return name if name in shapes else name.removeprefix(TEXT_WRAPPER)


def _fits(down: Tensor, up: Tensor, numel: int) -> bool:
    return up.shape[1] == len(down) and up[:, 0].numel() * down[0].numel() == numel
