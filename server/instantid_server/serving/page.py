"""The page of a profile, `ensemble_configs/<profile>.toml`: what of it the entry process needs."""

import tomllib
from pathlib import Path
from typing import Any

from instantid_server.serving.failure import FailureCode, ServingFailure

DEFAULT_PROFILE = "cpu"  # the profile of every model's own config.pbtxt


def page_path(ensemble_repository: Path, profile: str | None) -> Path:
    """Return where the page of a profile lies."""
    return ensemble_repository / f"{DEFAULT_PROFILE if profile is None else profile}.toml"


def read_page(path: Path) -> dict[str, Any]:
    """Return the tables of a page; raises ServingFailure if there is none, or it is not TOML."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise ServingFailure(
            FailureCode.REPOSITORY, f"{path} is missing, which says how many pictures may run"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ServingFailure(FailureCode.REPOSITORY, f"{path}: {error}") from error
