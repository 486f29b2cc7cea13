"""The safety checker's part of an import, for whoever has its weights."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from instantid_server.importing import sources
from instantid_server.importing.checks import check_config
from instantid_server.importing.network import (
    TRANSFORMERS_WEIGHTS,
    Network,
    NetworkFolder,
    to_json,
)
from instantid_server.importing.options import ImportOptions
from instantid_server.importing.part import Part, Tell, describe_files
from instantid_server.importing.planned import BytesFile, PlannedFile, TensorsFile
from instantid_server.importing.record import Role
from instantid_server.importing.skeleton import check_network, safety_skeleton
from instantid_server.importing.sources import locate
from instantid_server.importing.tensors import DTYPES

FOLDER = "safety_checker"  # inside of a checkpoint that has one

_NODE = PurePosixPath("safety/1")
_CLASS = "StableDiffusionSafetyChecker"
_OLD_WRAPPER = "vision_model.vision_model."  # before transformers 5
_POSITIONS = ".position_ids"  # 0, 1, 2, ...: saved before transformers 4.31
_WITHOUT = (
    "no safety checker was given: the server refuses every picture, unless its policy says "
    'checker = "none" under [safety]'
)


def plan_safety(options: ImportOptions, tell: Tell) -> Part:
    """Find and check the checker; without one the node gets no weights, and lets nothing pass."""
    if options.safety_checker is None:
        return Part([], [], [_WITHOUT])
    tell(f"reading {options.safety_checker}")
    source = locate(options.safety_checker, sources.SAFETY_PATTERNS)
    folder = find_safety_checker(source.path)
    files = plan_safety_checker(folder.network(), DTYPES[options.dtype])
    return Part(files, describe_files(Role.SAFETY_CHECKER, source, folder.files))


def find_safety_checker(path: Path) -> NetworkFolder:
    """Return the checker's files in its own folder, or in that of a whole checkpoint."""
    inner = path / FOLDER
    return NetworkFolder.find(inner if inner.is_dir() else path, TRANSFORMERS_WEIGHTS)


def plan_safety_checker(network: Network, dtype: torch.dtype) -> list[PlannedFile]:
    """Return the files of the node."""
    check_config(network.title, network.config, {"architectures": [_CLASS]})
    network = replace(network, read=partial(_read_by_new_names, network))
    shapes = check_network(network, safety_skeleton(network))
    # Thresholds lie near 0.2, where bfloat16 counts in steps of 0.001.
    kept = torch.float32 if dtype is torch.bfloat16 else dtype
    return [
        BytesFile(_NODE / "config.json", to_json(network.config)),
        TensorsFile(_NODE / f"{TRANSFORMERS_WEIGHTS}.safetensors", shapes, kept, network.read),
    ]


def _read_by_new_names(network: Network) -> Mapping[str, Tensor]:
    return {
        name.replace(_OLD_WRAPPER, "vision_model.", 1): tensor
        for name, tensor in network.read().items()
        if not name.endswith(_POSITIONS)
    }
