"""SDXL's two text encoders and their tokenizers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.loras import Lora, with_loras
from instantid_server.importing.network import TRANSFORMERS_WEIGHTS, Network, to_json
from instantid_server.importing.planned import BytesFile, CopiedFile, PlannedFile, TensorsFile
from instantid_server.importing.sdxl import ENCODER_FOLDERS, TEXT_WRAPPER, TOKENIZER_FOLDERS
from instantid_server.importing.skeleton import check_network, network_shapes, text_skeleton

KINDS = (CLIPTextModel, CLIPTextModelWithProjection)

_NODE = PurePosixPath("text_encoder/1")
_TOKENIZER_CONFIG = "tokenizer_config.json"
_WHOLE_TOKENIZER = "tokenizer.json"  # all that transformers has saved since its version 5
_TOKENIZER_PARTS = ("vocab.json", "merges.txt")
_OPTIONAL = ("special_tokens_map.json", "added_tokens.json")
_POSITIONS = ".position_ids"  # 0, 1, 2, ...: saved before transformers 4.31


def plan_text_encoder(
    network: Network, index: int, loras: Sequence[Lora], dtype: torch.dtype
) -> list[PlannedFile]:
    """Return the files of the first (0) or second (1) encoder."""
    skeleton = text_skeleton(KINDS[index], network)
    network = _named_as_wanted(network, skeleton)
    shapes = check_network(network, skeleton)
    network = with_loras(network, ENCODER_FOLDERS[index], shapes, loras)
    folder = _NODE / ENCODER_FOLDERS[index]
    config = {name: value for name, value in network.config.items() if name != "torch_dtype"}
    config["dtype"] = str(dtype).removeprefix("torch.")  # transformers loads in what stands here
    return [
        BytesFile(folder / "config.json", to_json(config)),
        TensorsFile(folder / f"{TRANSFORMERS_WEIGHTS}.safetensors", shapes, dtype, network.read),
    ]


def find_tokenizers(folder: Path) -> tuple[Path, Path]:
    """Return both tokenizers' folders inside `folder`."""
    first, second = (folder / name for name in TOKENIZER_FOLDERS)
    for tokenizer in (first, second):
        whole = (tokenizer / _WHOLE_TOKENIZER).is_file()
        for name in (_TOKENIZER_CONFIG, *(() if whole else _TOKENIZER_PARTS)):
            if not (tokenizer / name).is_file():
                raise ImportFailed(
                    f"{tokenizer / name}: missing; expected the folders tokenizer and tokenizer_2 "
                    f"of an SDXL checkpoint in diffusers' form, each with {_TOKENIZER_CONFIG} and "
                    f"either {_WHOLE_TOKENIZER} or {' and '.join(_TOKENIZER_PARTS)}"
                )
    return first, second


def tokenizer_files(folder: Path) -> list[Path]:
    """Return the files of one tokenizer that are served."""
    names = (_TOKENIZER_CONFIG, _WHOLE_TOKENIZER, *_TOKENIZER_PARTS, *_OPTIONAL)
    return [path for name in names if (path := folder / name).is_file()]


def plan_tokenizer(folder: Path, index: int, vocabulary_size: int) -> list[PlannedFile]:
    """Return the files of the tokenizer in `folder`, which has to fit its encoder's vocabulary."""
    files = tokenizer_files(folder)
    tokens = _count_tokens(folder, files)
    if tokens != vocabulary_size:
        raise ImportFailed(
            f"{folder}: {tokens} tokens, expected the {vocabulary_size} of its text encoder"
        )
    target = _NODE / TOKENIZER_FOLDERS[index]
    return [CopiedFile(target / path.name, path) for path in files]


def _count_tokens(folder: Path, files: Sequence[Path]) -> int:
    """Return how many tokens there are in what will be served, which may not be all of `folder`."""
    with TemporaryDirectory() as served:
        for path in files:
            Path(served, path.name).symlink_to(path.resolve())
        try:
            return len(CLIPTokenizer.from_pretrained(served, local_files_only=True))
        except Exception as error:  # nothing narrower comes out of the library `tokenizers`
            raise ImportFailed(f"{folder}: no tokenizer that transformers can read") from error


def _named_as_wanted(network: Network, skeleton: nn.Module) -> Network:
    """Return `network` with the names of the installed transformers."""
    wrapped = any(name.startswith(TEXT_WRAPPER) for name in network_shapes(skeleton))
    return replace(network, read=partial(_read_renamed, network, wrapped))


def _read_renamed(network: Network, wrapped: bool) -> Mapping[str, Tensor]:
    return {
        name if wrapped else name.removeprefix(TEXT_WRAPPER): tensor
        for name, tensor in network.read().items()
        if not name.endswith(_POSITIONS)
    }
