"""An SDXL checkpoint as a diffusers folder, filled with random numbers."""

import json
import shutil
from pathlib import Path

import torch

from instantid_server.importing.tensors import write_tensors
from tests.checkpoints.configs import (
    MODEL_INDEX,
    SCHEDULER,
    Config,
    text_config,
    unet_config,
    vae_config,
)
from tests.checkpoints.numbers import RandomTensors
from tests.checkpoints.scale import REDUCED, Scale
from tests.checkpoints.shapes import Shapes, text_shapes, unet_shapes, vae_shapes

TEXT_FOLDERS = ("text_encoder", "text_encoder_2")
TOKENIZER_FOLDERS = ("tokenizer", "tokenizer_2")
_POCKET_TEXT = Path(__file__).parents[2] / "model_repository" / "text_encoder" / "1"


def write_sdxl_folder(folder: Path, scale: Scale) -> None:
    """Write every network, in half precision, with its config, and the tokenizers."""
    networks: list[tuple[str, str, Config, Shapes]] = [
        ("unet", "diffusion_pytorch_model", unet_config(scale), unet_shapes(scale)),
        ("vae", "diffusion_pytorch_model", vae_config(scale), vae_shapes(scale)),
        *(
            (name, "model", text_config(scale, index), text_shapes(scale, index))
            for index, name in enumerate(TEXT_FOLDERS)
        ),
    ]
    for name, stem, config, shapes in networks:
        _write_json(folder / name / "config.json", config)
        tensors = RandomTensors(shapes, torch.float16)
        write_tensors(folder / name / f"{stem}.safetensors", tensors, shapes, torch.float16)
    _write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    _write_json(folder / "model_index.json", MODEL_INDEX)
    write_tokenizers(folder, scale)


def write_tokenizers(folder: Path, scale: Scale = REDUCED) -> None:
    """Write the two folders of tokenizers: the pocket weights' words, then words nobody says."""
    for name in TOKENIZER_FOLDERS:
        shutil.copytree(_POCKET_TEXT / name, folder / name)
        path = folder / name / "vocab.json"
        *words, start, end = json.loads(path.read_text())
        fillers = [f"<unused-{number}>" for number in range(scale.vocab_size - len(words) - 2)]
        # Start and end come last, as in CLIP, whose pooling looks for the largest number.
        vocabulary = {word: index for index, word in enumerate([*words, *fillers, start, end])}
        path.write_text(json.dumps(vocabulary))


def _write_json(path: Path, content: Config) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2))
