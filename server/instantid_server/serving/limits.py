"""How much a server takes on at a time: the `[admission]` table of its profile."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.page import page_path, read_page


@dataclass(frozen=True)
class AdmissionLimits:
    """One limit for all public models together."""

    max_running_pictures: int  # a request counts as its num_images_per_prompt
    max_waiting: int  # requests

    def __post_init__(self) -> None:
        """Refuse limits under which nobody could ever run."""
        if self.max_running_pictures < 1:
            raise ValueError(
                f"max_running_pictures: expected 1 or more, got {self.max_running_pictures}"
            )
        if self.max_waiting < 0:
            raise ValueError(f"max_waiting: expected 0 or more, got {self.max_waiting}")


def read_limits(ensemble_repository: Path, profile: str | None) -> AdmissionLimits:
    """Return the limits of a profile; raises ServingFailure if its page does not say them."""
    path = page_path(ensemble_repository, profile)
    try:
        return _limits(read_page(path).get("admission", {}))
    except ValueError as error:
        raise ServingFailure(FailureCode.REPOSITORY, f"{path}: {error}") from error


def _limits(table: dict[str, Any]) -> AdmissionLimits:
    names = {field.name for field in fields(AdmissionLimits)}
    if missing := sorted(names - table.keys()):
        raise ValueError(f"[admission]: {missing[0]} is missing")
    if unknown := sorted(table.keys() - names):
        raise ValueError(f"[admission]: unknown name {unknown[0]}")
    for name, value in table.items():
        if not isinstance(value, int):
            raise ValueError(f"{name}: expected a whole number, got {value!r}")
    return AdmissionLimits(**table)
