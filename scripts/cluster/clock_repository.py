"""Our repository in clock mode: the same models, with sleeping stages in the place of networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from instantid_server.contract import (
    CREDENTIALS,
    FACE_ANALYSIS,
    ID_RESAMPLER,
    IDENTITYNET,
    SAFETY,
    TEXT_ENCODER,
    UNET,
    VAE_DECODER,
    VAE_ENCODER,
)
from scripts.cluster.clock_stage import CLOCK_FILE
from scripts.cluster.curves import ServiceCurve, write_clock
from scripts.load.variants import Repositories, write_with_empty_networks
from scripts.reports import ROOT

# Triton starts the process elsewhere, and the scripts are not installed.
_NODE = '''"""A stage in clock mode."""

import sys
from functools import partial

sys.path.insert(0, "{root}")

from instantid_server.adapter import TritonStage
from instantid_server.contract import MODELS
from scripts.cluster.clock_stage import ClockStage


class TritonPythonModel(TritonStage):
    spec = MODELS["{name}"]
    load = staticmethod(partial(ClockStage.load, spec))
'''
_DEVICE_FILE = "gpu.lock"
# What computes on the GPU long enough to be in each other's way.
_ON_DEVICE = (IDENTITYNET.name, UNET.name, VAE_DECODER.name)


@dataclass(frozen=True)
class StageClocks:
    """How long each stage takes."""

    identitynet: ServiceCurve
    unet: ServiceCurve
    vae_decoder: ServiceCurve
    others: ServiceCurve  # each of those that run once a picture

    def by_model(self) -> Mapping[str, ServiceCurve]:
        """Return the curve of every stage in clock mode."""
        once = (FACE_ANALYSIS, TEXT_ENCODER, ID_RESAMPLER, VAE_ENCODER, SAFETY, CREDENTIALS)
        return {
            **{spec.name: self.others for spec in once},
            IDENTITYNET.name: self.identitynet,
            UNET.name: self.unet,
            VAE_DECODER.name: self.vae_decoder,
        }


def write_clock_repositories(folder: Path, clocks: StageClocks) -> Repositories:
    """Write what `instantid serve` takes; the stages on the GPU hold one lock in turns."""
    repositories = write_with_empty_networks(folder)
    device = folder / _DEVICE_FILE
    device.touch()
    for name, curve in clocks.by_model().items():
        version = repositories.models / name / "1"
        for part in version.iterdir():
            part.unlink()
        (version / "model.py").write_text(_NODE.format(root=ROOT, name=name))
        write_clock(version / CLOCK_FILE, curve, device if name in _ON_DEVICE else None)
    return repositories
