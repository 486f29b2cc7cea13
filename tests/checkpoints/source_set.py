"""Everything that an import takes, under the real files' names, filled with random numbers."""

from dataclasses import dataclass
from pathlib import Path

from tests.checkpoints.faces import write_antelopev2
from tests.checkpoints.instantid import write_identitynet, write_ip_adapter
from tests.checkpoints.safety_checker import write_safety_checker
from tests.checkpoints.scale import Scale
from tests.checkpoints.sdxl import write_sdxl_folder


@dataclass(frozen=True)
class SourceSet:
    """Where the sources lie."""

    ip_adapter: Path
    identitynet: Path
    base: Path
    faces: Path
    safety_checker: Path


def write_source_set(folder: Path, scale: Scale) -> SourceSet:
    """Write InstantID's two parts, SDXL, stand-ins for antelopev2, and a safety checker."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = SourceSet(
        ip_adapter=folder / "ip-adapter.bin",
        identitynet=folder / "ControlNetModel",
        base=folder / "stable-diffusion-xl-base-1.0",
        faces=folder / "antelopev2",
        safety_checker=folder / "safety_checker",
    )
    write_ip_adapter(sources.ip_adapter, scale)
    write_identitynet(sources.identitynet, scale)
    write_sdxl_folder(sources.base, scale)
    write_antelopev2(sources.faces)
    write_safety_checker(sources.safety_checker, scale)
    return sources
