"""What those commands share that work with the server's half of the package, on this machine."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from instantid_client._console import Console

_FAILED = 1
_FOLDERS = {"model": "model_repository", "ensemble": "ensemble_configs"}


def add_repository_flags(
    parser: argparse.ArgumentParser, kinds: Sequence[str] = tuple(_FOLDERS), purpose: str = ""
) -> None:
    """Add `--model-repository`, `--ensemble-repository` or both, by default the checkout's."""
    for kind in kinds:
        parser.add_argument(
            f"--{kind}-repository",
            type=Path,
            default=Path(_FOLDERS[kind]),
            metavar="DIR",
            help=f"{purpose}(default: %(default)s)",
        )


def tell_missing_package(command: str, error: ModuleNotFoundError, console: Console) -> int:
    """Tell how to get what `command` did not find, and return the exit code."""
    console.tell(
        f"{command} needs the server's packages, and there is no {error.name}: "
        "in a checkout, `make .venv/server-installed` brings them"
    )
    return _FAILED
