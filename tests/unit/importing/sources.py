"""Tiny checkpoints in the forms in which people have the real ones."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import tiny_networks
import tiny_safety
import torch
from safetensors.torch import save_file

from instantid_server.importing.options import ImportOptions
from tests.checkpoints.faces import write_antelopev2

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class TinySources:
    """Where the sources of an import lie."""

    folder: Path

    @property
    def ip_adapter(self) -> Path:
        return self.folder / "ip-adapter.bin"

    @property
    def identitynet(self) -> Path:
        return self.folder / "ControlNetModel"

    @property
    def base(self) -> Path:
        return self.folder / "sdxl"

    @property
    def faces(self) -> Path:
        return self.folder / "antelopev2"

    @property
    def safety_checker(self) -> Path:
        return self.folder / "safety_checker"

    def options(self, output: Path) -> ImportOptions:
        """Return the options of an import that takes all of them."""
        return ImportOptions(
            output=output,
            ip_adapter=str(self.ip_adapter),
            identitynet=str(self.identitynet),
            base=str(self.base),
            faces=(str(self.faces),),
            safety_checker=str(self.safety_checker),
            dtype="float32",
            allow_other_detector=True,
            allow_other_recogniser=True,
            model_repository=ROOT / "model_repository",
            ensemble_repository=ROOT / "ensemble_configs",
        )

    def with_base(self, output: Path, base: Path) -> ImportOptions:
        """Return the options of an import that takes another SDXL checkpoint."""
        return replace(self.options(output), base=str(base))


def write_tiny_sources(folder: Path) -> TinySources:
    """Write InstantID's parts, SDXL as a diffusers folder, antelopev2 and a safety checker."""
    sources = TinySources(folder)
    unet = tiny_networks.tiny_unet()
    adapter = {
        "image_proj": tiny_networks.tiny_image_proj(),
        "ip_adapter": tiny_networks.tiny_adapter(unet),
    }
    torch.save(adapter, sources.ip_adapter)
    flat = {f"{part}.{name}": t for part, tensors in adapter.items() for name, t in tensors.items()}
    save_file(flat, folder / "ip-adapter.safetensors")
    tiny_networks.tiny_controlnet().save_pretrained(sources.identitynet)
    unet.save_pretrained(sources.base / "unet")
    tiny_networks.tiny_vae().save_pretrained(sources.base / "vae")
    tiny_networks.write_text_encoders(sources.base)
    (sources.base / "scheduler").mkdir()
    (sources.base / "scheduler" / "scheduler_config.json").write_text(
        json.dumps(tiny_networks.SCHEDULER_CONFIG)
    )
    write_antelopev2(sources.faces)
    tiny_safety.write_safety_checker(sources.safety_checker)
    return sources
