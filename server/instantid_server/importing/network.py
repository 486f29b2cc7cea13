"""A network as a file gives it: its config, its tensors, and where both came from."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.tensors import read_tensors

Config = dict[str, Any]

DIFFUSERS_WEIGHTS = "diffusion_pytorch_model"
TRANSFORMERS_WEIGHTS = "model"
_WHOLE_INDEX = "safetensors.index.json"
_HALF_INDEX = "safetensors.index.fp16.json"
# What diffusers first called the parts of an attention; it still takes them on loading.
_OLD_ATTENTION = re.compile(r"(?<=\.attentions\.)(\d+)\.(query|key|value|proj_attn)(?=\.\w+$)")
_NEW_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_LOCAL_KEYS = ("_name_or_path", "_diffusers_version")  # of whoever saved the config


@dataclass(frozen=True)
class Network:
    """A network's config and its tensors, which are read anew each time they are asked for."""

    title: str  # what messages call it
    config: Config
    read: Callable[[], Mapping[str, Tensor]]


@dataclass(frozen=True)
class NetworkFolder:
    """The files of one network that diffusers or transformers have saved."""

    config: Path
    weights: tuple[Path, ...]

    @classmethod
    def find(cls, folder: Path, stem: str) -> "NetworkFolder":
        """Return the config and the weights called `stem` in `folder`, whole or in shards."""
        config = folder / "config.json"
        if not config.is_file():
            raise ImportFailed(f"{folder}: no config.json; expected a network saved by diffusers")
        pickle = "pytorch_model.bin" if stem == TRANSFORMERS_WEIGHTS else f"{stem}.bin"
        for name in (
            f"{stem}.{_WHOLE_INDEX}",
            f"{stem}.safetensors",
            f"{stem}.{_HALF_INDEX}",
            f"{stem}.fp16.safetensors",
            pickle,
        ):
            path = folder / name
            if path.is_file():
                names = _shards(path) if path.suffix == ".json" else [name]
                return cls(config, tuple(folder / weights for weights in names))
        raise ImportFailed(
            f"{folder}: no weights; expected {stem}.safetensors. No .bin is fetched from the hub: "
            "if the repository has only that, download it by hand and give its folder"
        )

    def network(self) -> Network:
        """Return the network."""
        kept = {k: v for k, v in read_json(self.config).items() if k not in _LOCAL_KEYS}
        return Network(str(self.config.parent), kept, self.read)

    def read(self) -> dict[str, Tensor]:
        """Return the tensors of all weight files, by today's names."""
        tensors: dict[str, Tensor] = {}
        for path in self.weights:
            tensors |= read_tensors(path)
        return {_name_today(name, tensors): tensor for name, tensor in tensors.items()}

    @property
    def files(self) -> Sequence[Path]:
        """Every file that was read."""
        return (self.config, *self.weights)


def read_json(path: Path) -> Config:
    """Return the object in a JSON file."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ImportFailed(f"{path}: no readable JSON; take the file from its author") from error
    if not isinstance(content, dict):
        raise ImportFailed(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content


def to_json(content: Mapping[str, object]) -> bytes:
    """Return the bytes of a JSON file of the repository."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _name_today(name: str, tensors: Mapping[str, Tensor]) -> str:
    new = _OLD_ATTENTION.sub(lambda found: f"{found[1]}.{_NEW_ATTENTION[found[2]]}", name)
    return name if new in tensors else new  # were both there, the check would name the old one


def _shards(index: Path) -> list[str]:
    files = read_json(index).get("weight_map")
    names = files.values() if isinstance(files, dict) else [files]
    shards: set[str] = set()
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise ImportFailed(f"{index}: {name!r} is no file beside it")
        shards.add(name)
    return sorted(shards)
