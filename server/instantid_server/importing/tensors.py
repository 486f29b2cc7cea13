"""Tensor files: read without running code, mapped and not loaded; written one tensor at a time.

A mapped tensor is paged in when it is touched and can be dropped again, so a network of ten
gigabytes is converted in the memory of its largest tensor.
"""

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from instantid_server.importing.failure import ImportFailed

Shapes = Mapping[str, torch.Size]

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
_SAFETENSORS_NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}
_HEADER_ALIGNMENT = 8  # bytes; safetensors asks for it


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors file, or of a flat dict that torch has pickled."""
    if path.suffix == ".safetensors":
        try:
            tensors: dict[str, Tensor] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise ImportFailed(
                f"{path}: no whole .safetensors file ({error}); download it again"
            ) from error
        return tensors
    content = read_pickle(path)
    found = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if len(found) < len(content):
        raise ImportFailed(f"{path}: expected tensors by their names, found other things as well")
    return {name: tensor.detach() for name, tensor in found.items()}


def read_pickle(path: Path) -> dict[str, object]:
    """Return the dict that torch has pickled; a file that holds more than tensors is refused."""
    try:
        # Files of before torch 1.6 are no archives and cannot be mapped.
        content = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except pickle.UnpicklingError as error:
        raise ImportFailed(
            f"{path}: holds something else than tensors, which could run code, or is damaged; it "
            "was not opened. Take the file from its author, or its .safetensors form"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise ImportFailed(f"{path}: no whole file of torch's; download it again") from error
    if not isinstance(content, dict):
        raise ImportFailed(f"{path}: expected a dict of tensors, found {type(content).__name__}")
    return content


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Return the shape of each tensor."""
    return {name: tensor.shape for name, tensor in tensors.items()}


def file_size(shapes: Shapes, dtype: torch.dtype) -> int:
    """Return how many bytes `write_tensors` will write."""
    return len(_header(shapes, dtype)) + sum(_size(shape, dtype) for shape in shapes.values())


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], shapes: Shapes, dtype: torch.dtype
) -> None:
    """Write the tensors that `shapes` names, in `dtype`, as a .safetensors file."""
    with path.open("wb") as file:
        file.write(_header(shapes, dtype))
        for name in shapes:
            tensor = tensors[name].to(dtype).contiguous()
            if not torch.isfinite(tensor).all():
                raise ImportFailed(
                    f"{path.name}: {name} holds a number that is not finite in {dtype}; take "
                    "--dtype bfloat16 or float32, and if that is refused too the file is damaged"
                )
            file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)


def _header(shapes: Shapes, dtype: torch.dtype) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, shape in shapes.items():
        end = start + _size(shape, dtype)
        entries[name] = {
            "dtype": _SAFETENSORS_NAMES[dtype],
            "shape": list(shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _HEADER_ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _size(shape: torch.Size, dtype: torch.dtype) -> int:
    return shape.numel() * dtype.itemsize
