"""The scratch folder of a server: what Triton needs to find, laid out as it wants it.

backends/python/       the wheel's backend and the stub for the running Python, side by side
backends/onnxruntime   our stand-in
lib/                   libpython alone, for its own folder may hold libraries that must not win
repositories/          links, since Triton passes paths through a shell without quoting them
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import instantid_server
from instantid_server.serving.wheel import TritonWheel

BACKENDS = Path(instantid_server.__file__).resolve().parents[1] / "backends"


@dataclass(frozen=True)
class Scratch:
    """The folders by what they are for."""

    backends: Path
    lib: Path
    repositories: tuple[Path, ...]
    log: Path


def lay_out(
    folder: Path, wheel: TritonWheel, libpython: Path, repositories: tuple[Path, ...]
) -> Scratch:
    """Fill the empty `folder`."""
    backends = folder / "backends"
    # Copies, not links: where a stub does not start, Triton changes the mode of the file.
    python_backend = shutil.copytree(
        wheel.python_backend,
        backends / "python",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy2(wheel.stub, python_backend)
    for backend in BACKENDS.iterdir():
        (backends / backend.name).symlink_to(backend)
    lib = folder / "lib"
    lib.mkdir()
    (lib / libpython.name).symlink_to(libpython)
    links = folder / "repositories"
    links.mkdir()
    linked = tuple(links / str(index) for index in range(len(repositories)))
    for link, repository in zip(linked, repositories, strict=True):
        link.symlink_to(repository.resolve())
    return Scratch(backends, lib, linked, log=folder / "triton.log")
