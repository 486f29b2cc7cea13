"""A profile, as the memory plan needs it: `ensemble_configs/<name>.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.tensors import DTYPES
from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.page import read_page
from instantid_server.serving.pools import read_cuda_pools

Placement = Mapping[str, Any]


@dataclass(frozen=True)
class Profile:
    """Where the models are placed, and what Triton itself takes of each GPU."""

    name: str
    placements: Mapping[str, Placement]  # by model
    cuda_pools_mib: Mapping[int, int]  # of every GPU that a model names


def read_profiles(ensemble_repository: Path) -> list[Profile]:
    """Return all profiles; raises ImportFailed if there are none, or one cannot be read."""
    paths = sorted(ensemble_repository.glob("*.toml"))
    if not paths:
        raise ImportFailed(
            f"{ensemble_repository}: holds no profile; --ensemble-repository is to name the "
            "folder ensemble_configs of the checkout, whose profiles are planned for"
        )
    return [read_profile(path) for path in paths]


def read_profile(path: Path) -> Profile:
    """Return one profile; raises ImportFailed."""
    try:
        placements = read_page(path).get("models", {})
        pools = read_cuda_pools(path.parent, path.stem)
    except ServingFailure as failure:
        raise ImportFailed(f"--ensemble-repository: {failure}") from failure
    except OSError as error:
        raise ImportFailed(f"--ensemble-repository: {path}: {error.strerror}") from error
    for model, placement in placements.items():
        dtype = placement.get("parameters", {}).get("dtype")
        if dtype is not None and dtype not in DTYPES:
            raise ImportFailed(
                f"--ensemble-repository: {path}: {model}: expected a dtype of "
                f"{', '.join(DTYPES)}, got {dtype!r}"
            )
    return Profile(path.stem, placements, pools)
