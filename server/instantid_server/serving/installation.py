"""The installation of Triton that is served with: NVIDIA's container's, or the wheel's."""

import re
from dataclasses import dataclass
from pathlib import Path

from instantid_server.serving.command import TritonVersion
from instantid_server.serving.wheel import TritonWheel

CONTAINER = Path("/opt/tritonserver")  # where every one of NVIDIA's images has it


@dataclass(frozen=True)
class LooseParts:
    """What the wheel's Triton does not find by itself, and has to be laid out for it."""

    wheel: TritonWheel
    libpython: Path


@dataclass(frozen=True)
class Installation:
    """A Triton that can be started."""

    server: Path  # the executable
    version: TritonVersion
    loose_parts: LooseParts | None = None  # None: the installation is complete


def container_version(folder: Path) -> TritonVersion | None:
    """Return the version of the Triton that NVIDIA's image has in `folder`, None outside of one."""
    try:
        text = (folder / "TRITON_VERSION").read_text()
    except FileNotFoundError:
        return None
    match = re.match(r"(\d+)\.(\d+)\.", text)
    return None if match is None else TritonVersion(int(match[1]), int(match[2]))
