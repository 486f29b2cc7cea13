"""Repositories to compare ours with: our models, with a limit or a node that differs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from instantid_server.contract import INSTANTID, INSTANTID_STREAM, MODELS, UNET
from instantid_server.serving.page import DEFAULT_PROFILE
from scripts.profiles import Placement, Profile, read_profile
from scripts.render_profiles import render
from scripts.reports import ROOT

NODES = ROOT / "tests" / "load" / "models"
MONOLITH_MODEL = "monolith"
_ROWS_OF_A_REQUEST = 2  # with guidance: the negative prompt's and the prompt's
_BATCHED_AT_EVERY_STEP = ("identitynet", "unet", "denoise_step")


@dataclass(frozen=True)
class Repositories:
    """What `instantid serve` takes."""

    models: Path
    ensembles: Path


def write_with_monolith(folder: Path) -> Repositories:
    """Write our repository as it is, and the monolith beside its models."""
    repositories = _write(folder, _default_profile(), {})
    monolith = repositories.models / MONOLITH_MODEL
    monolith.mkdir()
    (monolith / "1").symlink_to(NODES / MONOLITH_MODEL)
    config = (repositories.models / INSTANTID.name / "config.pbtxt").read_text()
    (monolith / "config.pbtxt").write_text(
        config.replace(f'name: "{INSTANTID.name}"', f'name: "{MONOLITH_MODEL}"')
    )
    return repositories


def write_without_batches(folder: Path) -> Repositories:
    """Write our repository with steps that no two requests share."""
    profile = _default_profile()
    alone = {
        name: replace(profile.placements[name], max_batch_size=_ROWS_OF_A_REQUEST)
        for name in _BATCHED_AT_EVERY_STEP
    }
    return _write(folder, replace(profile, placements={**profile.placements, **alone}), {})


def write_with_one_queue(folder: Path) -> Repositories:
    """Write our repository with steps whose batch the UNet's node forms for both networks."""
    profile = _default_profile()
    asking = {
        spec.name: _with_parameter(profile.placements[spec.name], "step_model", UNET.name)
        for spec in (INSTANTID, INSTANTID_STREAM)
    }
    return _write(folder, replace(profile, placements={**profile.placements, **asking}), {})


def write_with_empty_networks(folder: Path) -> Repositories:
    """Write our repository with step networks that answer at once."""
    empty = {name: NODES / f"empty_{name}" / "model.py" for name in ("identitynet", "unet")}
    return _write(folder, _default_profile(), empty)


def _default_profile() -> Profile:
    return read_profile(ROOT / "ensemble_configs" / f"{DEFAULT_PROFILE}.toml")


def _with_parameter(placement: Placement, name: str, value: str) -> Placement:
    return replace(placement, parameters={**placement.parameters, name: value})


def _write(folder: Path, profile: Profile, nodes: Mapping[str, Path]) -> Repositories:
    """Write the models of `profile`, with other code for `nodes`, and the weights as links."""
    repositories = Repositories(folder / "models", folder / "ensembles")
    for spec in MODELS.values():
        is_ensemble = spec.backend == "ensemble"
        model = (repositories.ensembles if is_ensemble else repositories.models) / spec.name
        version = model / "1"
        version.mkdir(parents=True)
        (model / "config.pbtxt").write_text(render(spec, profile))
        if is_ensemble:
            continue
        for part in (ROOT / "model_repository" / spec.name / "1").iterdir():
            (version / part.name).symlink_to(part)
        if spec.name in nodes:
            (version / "model.py").unlink()
            (version / "model.py").symlink_to(nodes[spec.name])
    limits = f"{DEFAULT_PROFILE}.toml"
    (repositories.ensembles / limits).symlink_to(ROOT / "ensemble_configs" / limits)
    return repositories
