"""A step of the server's own stages, called one after the other in this process."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from instantid_server.contract import IDENTITYNET, MODELS, UNET
from instantid_server.errors import InstantIDError
from instantid_server.node import NodeContext, call_nobody
from instantid_server.serving.page import page_path
from instantid_server.stages.identitynet import VAE_SCALE_FACTOR, IdentityNet
from instantid_server.stages.unet import Unet
from instantid_server.stages.warmup import NativeSize, zeros
from scripts.bench_gpu.work import median_seconds
from scripts.profiles import Profile, read_profile
from scripts.render_profiles import model_parameters
from scripts.reports import ROOT

_ROWS = 2  # one picture with guidance


def seconds_per_step(
    repository: Path, profile_name: str | None, size_px: int, repeats: int
) -> float:
    """Return the time of one step of a picture, IdentityNet's and the UNet's part."""
    profile = read_profile(page_path(ROOT / "ensemble_configs", profile_name))
    identitynet = IdentityNet.load(_context(repository, IDENTITYNET.name, profile))
    unet = Unet.load(_context(repository, UNET.name, profile))
    size = NativeSize(size_px, size_px, VAE_SCALE_FACTOR)
    controlled = zeros(IDENTITYNET, identitynet.sizes(size), _ROWS)
    plain = zeros(UNET, unet.sizes(size), _ROWS)
    on_gpu = bool(profile.placements[UNET.name].gpus)

    def step() -> None:
        residuals = _outputs(identitynet.run([controlled]))["residuals"]
        _outputs(unet.run([{**plain, "residuals": residuals}]))["noise_pred"].cpu()

    step()
    return median_seconds(step, torch.device("cuda" if on_gpu else "cpu"), repeats)


def _context(repository: Path, name: str, profile: Profile) -> NodeContext:
    placement = profile.placements[name]
    return NodeContext(
        directory=repository / name / "1",
        parameters=model_parameters(MODELS[name], profile),
        device_id=placement.gpus[0] if placement.gpus else 0,
        max_batch_size=_ROWS,
        output_types={
            spec.name: profile.wire_dtype if spec.dtype == "FP32" else spec.dtype
            for spec in MODELS[name].outputs
        },
        call=call_nobody,
    )


def _outputs(outcomes: Sequence[Mapping[str, Tensor] | InstantIDError]) -> Mapping[str, Tensor]:
    (outcome,) = outcomes
    if isinstance(outcome, InstantIDError):
        raise outcome
    return outcome
