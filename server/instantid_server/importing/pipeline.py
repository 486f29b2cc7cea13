"""What the weights decide about the loop: the public models' `pipeline.json` and schedule."""

from pathlib import PurePosixPath
from typing import Any

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import Config, to_json
from instantid_server.importing.palette import colour_fields, fit_palette
from instantid_server.importing.planned import BytesFile
from instantid_server.importing.sdxl import SdxlCheckpoint
from instantid_server.importing.vae import load_vae
from instantid_server.stages.identitynet import VAE_SCALE_FACTOR

_FOLDER = PurePosixPath("instantid/1")
# How much noise each step of the training had: what all schedulers of SDXL have in common.
_NOISE = ("beta_schedule", "beta_start", "beta_end", "num_train_timesteps")
_LARGEST_SIDE = 2  # times the native one; SDXL was trained on sides of up to 2048


def plan_pipeline(checkpoint: SdxlCheckpoint) -> list[BytesFile]:
    """Return the two files; previews get their colours from a few forwards of the VAE."""
    vae = load_vae(checkpoint.vae)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    if factor != VAE_SCALE_FACTOR:
        raise ImportFailed(
            f"{checkpoint.vae.title}: a latent is {factor} pixels wide, expected the "
            f"{VAE_SCALE_FACTOR} that IdentityNet has"
        )
    native = _native_side(checkpoint.unet.config, factor)
    pipeline = {
        "native_height": native,
        "native_width": native,
        "max_height": _LARGEST_SIDE * native,
        "max_width": _LARGEST_SIDE * native,
        "vae_scale_factor": factor,
        "latent_channels": vae.config.latent_channels,
        **fit_palette(vae, colour_fields(factor)),
    }
    return [
        BytesFile(_FOLDER / "pipeline.json", to_json(pipeline)),
        BytesFile(_FOLDER / "scheduler_config.json", to_json(_schedule(checkpoint.scheduler))),
    ]


def _native_side(unet: Config, factor: int) -> int:
    side: Any = unet.get("sample_size")
    if not isinstance(side, int) or side < 1:
        raise ImportFailed(f"unet: sample_size is {side!r}, expected how many latents a side has")
    return side * factor


def _schedule(config: Config) -> Config:
    """Return the scheduler's config, with which the one that a caller names is set up."""
    if missing := [name for name in _NOISE if name not in config]:
        raise ImportFailed(
            f"scheduler: its config has no {missing[0]}; {config.get('_class_name')} is none of "
            "those that go with SDXL"
        )
    return config
