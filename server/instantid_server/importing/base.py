"""The SDXL checkpoint that the pictures are drawn with: a folder of diffusers', or one file."""

from pathlib import Path

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import (
    DIFFUSERS_WEIGHTS,
    TRANSFORMERS_WEIGHTS,
    NetworkFolder,
    read_json,
)
from instantid_server.importing.sdxl import ENCODER_FOLDERS, SdxlCheckpoint
from instantid_server.importing.single_file import read_single_file
from instantid_server.importing.text_encoders import find_tokenizers

_SCHEDULER = Path("scheduler", "scheduler_config.json")


def read_base(path: Path, tokenizers: Path | None) -> SdxlCheckpoint:
    """Return the checkpoint at `path`; a single file brings no tokenizers, so it needs them."""
    if path.is_dir():
        return _read_folder(path, tokenizers)
    if path.suffix != ".safetensors":
        raise ImportFailed(
            f"{path}: expected a folder in diffusers' form or a .safetensors file; a .ckpt can run "
            "code when it is opened, and is not"
        )
    if tokenizers is None:
        raise ImportFailed(
            f"{path}: a single file holds no tokenizers; give --tokenizers, a folder with the "
            "folders tokenizer and tokenizer_2 of any SDXL checkpoint in diffusers' form"
        )
    return read_single_file(path, find_tokenizers(tokenizers))


def _read_folder(folder: Path, tokenizers: Path | None) -> SdxlCheckpoint:
    unet = NetworkFolder.find(folder / "unet", DIFFUSERS_WEIGHTS)
    vae = NetworkFolder.find(folder / "vae", DIFFUSERS_WEIGHTS)
    first, second = (
        NetworkFolder.find(folder / name, TRANSFORMERS_WEIGHTS) for name in ENCODER_FOLDERS
    )
    found = find_tokenizers(folder if tokenizers is None else tokenizers)
    parts = (unet, vae, first, second)
    return SdxlCheckpoint(
        unet=unet.network(),
        vae=vae.network(),
        text_encoders=(first.network(), second.network()),
        tokenizers=found,
        scheduler=read_json(folder / _SCHEDULER),
        files=(*(file for part in parts for file in part.files), folder / _SCHEDULER),
    )
