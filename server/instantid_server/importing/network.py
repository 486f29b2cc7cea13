"""A network as a file gives it: its config, its tensors, and where both came from."""

import json
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
        index = folder / f"{stem}.safetensors.index.json"
        if index.is_file():
            return cls(config, tuple(folder / name for name in _shards(index)))
        for name in (f"{stem}.safetensors", f"{stem}.fp16.safetensors", f"{stem}.bin"):
            if (folder / name).is_file():
                return cls(config, (folder / name,))
        if stem == TRANSFORMERS_WEIGHTS and (folder / "pytorch_model.bin").is_file():
            return cls(config, (folder / "pytorch_model.bin",))
        raise ImportFailed(f"{folder}: no weights; expected {stem}.safetensors")

    def network(self) -> Network:
        """Return the network."""
        kept = {k: v for k, v in read_json(self.config).items() if k not in _LOCAL_KEYS}
        return Network(str(self.config.parent), kept, self.read)

    def read(self) -> dict[str, Tensor]:
        """Return the tensors of all weight files."""
        tensors: dict[str, Tensor] = {}
        for path in self.weights:
            tensors |= read_tensors(path)
        return tensors

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


def _shards(index: Path) -> list[str]:
    files = read_json(index).get("weight_map")
    names = files.values() if isinstance(files, dict) else [files]
    shards: set[str] = set()
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise ImportFailed(f"{index}: {name!r} is no file beside it")
        shards.add(name)
    return sorted(shards)
