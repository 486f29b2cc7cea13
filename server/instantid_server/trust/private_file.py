"""A private file: what only its owner may read."""

import os
import stat
from pathlib import Path

_PRIVATE = 0o600


def write_private(path: Path, text: str) -> None:
    """Write a file that was not there; raises FileExistsError if it was."""
    # Private from its first byte on, which chmod afterwards would not be.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
        file.write(text)


def is_open_to_everybody(path: Path) -> bool:
    """Return whether any user of the machine can do anything with a file."""
    return bool(path.stat().st_mode & stat.S_IRWXO)
