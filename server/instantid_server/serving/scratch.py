"""The scratch folder of a server: what Triton needs to find, laid out as it wants it.

backends/python/       the wheel's backend and the stub for the running Python, side by side
backends/onnxruntime   our stand-in
lib/                   libpython alone, for its own folder may hold libraries that must not win
repositories/          links, since Triton passes paths through a shell without quoting them

The first three are for the wheel's Triton; the container's has them in its own place.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import instantid_server
from instantid_server.serving.installation import LooseParts
from instantid_server.serving.wheel import TritonWheel

BACKENDS = Path(instantid_server.__file__).resolve().parents[1] / "backends"


@dataclass(frozen=True)
class Scratch:
    """The folders by what they are for."""

    repositories: tuple[Path, ...]
    log: Path
    backends: Path | None  # None: the installation's own
    libraries: tuple[Path, ...]  # to be found before all others


def lay_out(folder: Path, parts: LooseParts | None, repositories: tuple[Path, ...]) -> Scratch:
    """Fill the empty `folder`."""
    linked = _link_repositories(folder, repositories)
    log = folder / "triton.log"
    if parts is None:
        return Scratch(linked, log, backends=None, libraries=())
    backends = _lay_out_backends(folder, parts.wheel)
    lib = folder / "lib"
    lib.mkdir()
    (lib / parts.libpython.name).symlink_to(parts.libpython)
    return Scratch(linked, log, backends, libraries=(lib, parts.wheel.libraries))


def _lay_out_backends(folder: Path, wheel: TritonWheel) -> Path:
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
    return backends


def _link_repositories(folder: Path, repositories: tuple[Path, ...]) -> tuple[Path, ...]:
    links = folder / "repositories"
    links.mkdir()
    linked = tuple(links / str(index) for index in range(len(repositories)))
    for link, repository in zip(linked, repositories, strict=True):
        link.symlink_to(repository.resolve())
    return linked
