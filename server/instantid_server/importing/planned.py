"""Files that an import is going to write: everything is checked before the first is written."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import torch
from torch import Tensor

from instantid_server.importing.tensors import Shapes, file_size, write_tensors


class PlannedFile(Protocol):
    """A file of the repository to be, at `path` inside of it."""

    @property
    def path(self) -> PurePosixPath:
        """Where it goes, from the repository's root."""

    @property
    def size(self) -> int:
        """How many bytes it will have."""

    def write(self, root: Path) -> None:
        """Write it; its folder is there."""


@dataclass(frozen=True)
class BytesFile:
    """A file whose content is known: JSON, a config, an ONNX graph."""

    path: PurePosixPath
    content: bytes

    @property
    def size(self) -> int:
        """How many bytes it will have."""
        return len(self.content)

    def write(self, root: Path) -> None:
        """Write it; its folder is there."""
        (root / self.path).write_bytes(self.content)


@dataclass(frozen=True)
class CopiedFile:
    """A file that is taken over as it is."""

    path: PurePosixPath
    source: Path

    @property
    def size(self) -> int:
        """How many bytes it will have."""
        return self.source.stat().st_size

    def write(self, root: Path) -> None:
        """Write it; its folder is there."""
        shutil.copyfile(self.source, root / self.path)


@dataclass(frozen=True)
class TensorsFile:
    """A network's tensors; read again when they are written, so that only one network is open."""

    path: PurePosixPath
    shapes: Shapes  # what is written, already checked against what `read` returns
    dtype: torch.dtype
    read: Callable[[], Mapping[str, Tensor]]

    @property
    def size(self) -> int:
        """How many bytes it will have."""
        return file_size(self.shapes, self.dtype)

    def write(self, root: Path) -> None:
        """Write it; its folder is there."""
        write_tensors(root / self.path, self.read(), self.shapes, self.dtype)
