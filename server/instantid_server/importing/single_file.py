"""SDXL in one .safetensors file, with the key names of Stability's own code.

diffusers knows how these names translate; it is asked for that alone, so nothing is fetched.
"""

from collections.abc import Callable, Mapping, Set
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from torch import Tensor

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import Config, Network
from instantid_server.importing.sdxl import (
    SDXL_BASE,
    SDXL_SCHEDULER,
    SdxlCheckpoint,
    SdxlConfigs,
)
from instantid_server.importing.tensors import read_tensors

_UNET = "model.diffusion_model."
_VAE = "first_stage_model."
_FIRST_TEXT_ENCODER = "conditioner.embedders.0.transformer."
_SECOND_TEXT_ENCODER = "conditioner.embedders.1.model."
# Training's own numbers, which no picture is made with.
_UNUSED = ("model_ema.", "denoiser.", f"{_SECOND_TEXT_ENCODER}logit_scale")
# Tensors of no content: that they are there says how the UNet was trained.
_V_PREDICTION = "v_pred"
_ZERO_SNR = "ztsnr"

Tensors = Mapping[str, Tensor]


def read_single_file(
    path: Path, tokenizers: tuple[Path, Path], configs: SdxlConfigs = SDXL_BASE
) -> SdxlCheckpoint:
    """Return the checkpoint; refuse a file with tensors that are no part of SDXL."""
    keys = list(read_tensors(path))
    prefixes = (_UNET, _VAE, _FIRST_TEXT_ENCODER, _SECOND_TEXT_ENCODER)
    for prefix in prefixes:
        if not any(key.startswith(prefix) for key in keys):
            raise ImportFailed(f"{path}: no tensor begins with {prefix}; it is no whole SDXL file")
    markers = {_V_PREDICTION, _ZERO_SNR}.intersection(keys)
    known = (*prefixes, *_UNUSED)
    if unknown := [key for key in keys if key not in markers and not key.startswith(known)]:
        raise ImportFailed(
            f"{path}: SDXL has no {unknown[0]} ({len(unknown)} such tensors); left out, they could "
            "change what the checkpoint draws"
        )
    scheduler, note = _scheduler(path, markers)
    first, second = configs.text_encoders

    def network(part: str, config: Config, convert: Callable[[Tensors], Tensors]) -> Network:
        return Network(f"{path}, {part}", config, partial(_read, path, convert))

    return SdxlCheckpoint(
        unet=network("unet", configs.unet, partial(_unet, configs.unet)),
        vae=network("vae", configs.vae, partial(_vae, configs.vae)),
        text_encoders=(
            network("text_encoder", first, _first_text_encoder),
            network("text_encoder_2", second, partial(_second_text_encoder, second)),
        ),
        tokenizers=tokenizers,
        scheduler=scheduler,
        files=(path,),
        notes=(note,),
    )


def _scheduler(path: Path, markers: Set[str]) -> tuple[Config, str]:
    """Return the scheduler's config, and the note that says what the UNet is taken to predict."""
    if not markers:
        return SDXL_SCHEDULER, (
            f"{path.name} does not say what its UNet predicts: epsilon is assumed, as with SDXL's "
            "base. If it draws but noise, import it as a folder in diffusers' form, which does say"
        )
    if _V_PREDICTION not in markers:
        raise ImportFailed(
            f"{path}: is marked {_ZERO_SNR} and not {_V_PREDICTION}, but from a step without "
            "signal no epsilon can be told; import it as a folder in diffusers' form"
        )
    config = {**SDXL_SCHEDULER, "prediction_type": "v_prediction"}
    note = f"{path.name} is marked {_V_PREDICTION}: its UNet predicts v"
    if _ZERO_SNR in markers:
        config["rescale_betas_zero_snr"] = True
        note += f"; it is marked {_ZERO_SNR}: the noisiest step has no signal"
    return config, note


def _read(path: Path, convert: Callable[[Tensors], Tensors]) -> Tensors:
    tensors = read_tensors(path)
    try:
        return convert(tensors)
    except KeyError as error:
        raise ImportFailed(
            f"{path}: {error.args[0]} is missing; it is no whole SDXL file"
        ) from error


def _unet(config: Config, tensors: Tensors) -> Tensors:
    part = _part(tensors, _UNET)
    return _with_leftovers(part, convert_ldm_unet_checkpoint(part, config))


def _vae(config: Config, tensors: Tensors) -> Tensors:
    part = _part(tensors, _VAE)
    return _with_leftovers(part, convert_ldm_vae_checkpoint(part, config))


def _first_text_encoder(tensors: Tensors) -> Tensors:
    converted: Tensors = convert_ldm_clip_checkpoint(_part(tensors, _FIRST_TEXT_ENCODER))
    return converted


def _second_text_encoder(config: Config, tensors: Tensors) -> Tensors:
    # All that diffusers asks the model is how wide it is, and that only without a projection.
    model: Any = SimpleNamespace(config=SimpleNamespace(hidden_size=config["hidden_size"]))
    converted: Tensors = convert_open_clip_checkpoint(
        model, _part(tensors, _SECOND_TEXT_ENCODER), prefix=_SECOND_TEXT_ENCODER
    )
    return converted


def _part(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    return {
        key: tensor
        for key, tensor in tensors.items()
        if key.startswith(prefix) and not key.startswith(_UNUSED)
    }


def _with_leftovers(part: Tensors, converted: Tensors) -> Tensors:
    """Return `converted` with what diffusers has silently dropped, for the check to find it."""
    taken = {tensor.data_ptr() for tensor in converted.values()}
    left = {key: tensor for key, tensor in part.items() if tensor.data_ptr() not in taken}
    return {**converted, **left}
