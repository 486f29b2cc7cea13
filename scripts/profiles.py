"""A topology: where each model runs and within which limits, read from `ensemble_configs/`."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from instantid_server.contract import MODELS
from instantid_server.serving.limits import AdmissionLimits

_PAGE_NAMES = {"wire_dtype", "admission", "queue", "models"}
_GPU_NAMES = {"cuda_pool_mib"}  # for the entry process, as `admission` is


class ProfileError(ValueError):
    """A profile has an unknown name, or leaves one out."""


@dataclass(frozen=True)
class Placement:
    """Where one model runs, and within which limits."""

    gpus: Sequence[int] = ()  # none: on the CPU
    count: int = 1  # instances, on each of the GPUs
    max_batch_size: int = 0
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class QueuePolicy:
    """When a dynamic batcher refuses a request."""

    max_queue_size: int
    timeout_s: int


@dataclass(frozen=True)
class Profile:
    """One topology."""

    name: str
    wire_dtype: str
    admission: AdmissionLimits  # no config has them: the entry process reads this page as well
    queue: QueuePolicy
    placements: Mapping[str, Placement]


def read_profile(path: Path) -> Profile:
    """Return the profile of a TOML file; raises ProfileError if it does not fit the contract."""
    page = tomllib.loads(path.read_text())
    _check_names(path.name, page, _PAGE_NAMES | (_GPU_NAMES if _uses_gpus(page) else set()))
    _check_names(f"{path.name}: admission", page["admission"], _field_names(AdmissionLimits))
    _check_names(f"{path.name}: queue", page["queue"], _field_names(QueuePolicy))
    _check_names(f"{path.name}: models", page["models"], set(MODELS))
    for name, table in page["models"].items():
        if unknown := sorted(table.keys() - _field_names(Placement)):
            raise ProfileError(f"{path.name}: {name}: unknown name {unknown[0]}")
    return Profile(
        name=path.stem,
        wire_dtype=page["wire_dtype"],
        admission=AdmissionLimits(**page["admission"]),
        queue=QueuePolicy(**page["queue"]),
        placements={name: Placement(**table) for name, table in page["models"].items()},
    )


def read_profiles(root: Path) -> list[Profile]:
    """Return the profiles of a checkout, by name."""
    return [read_profile(path) for path in sorted((root / "ensemble_configs").glob("*.toml"))]


def _check_names(where: str, table: Mapping[str, Any], expected: set[str]) -> None:
    if missing := sorted(expected - table.keys()):
        raise ProfileError(f"{where}: {missing[0]} is missing")
    if unknown := sorted(table.keys() - expected):
        raise ProfileError(f"{where}: unknown name {unknown[0]}")


def _uses_gpus(page: Mapping[str, Any]) -> bool:
    return any("gpus" in table for table in page.get("models", {}).values())


def _field_names(kind: type[Placement | QueuePolicy | AdmissionLimits]) -> set[str]:
    return {entry.name for entry in fields(kind)}
