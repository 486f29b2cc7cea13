"""Tensor files: code in them never runs, and what is written is what safetensors reads."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.tensors import (
    file_size,
    read_pickle,
    read_tensors,
    shapes_of,
    write_tensors,
)

TENSORS = {
    "matrix": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4,
    "number": torch.tensor(0.5),
    "turned": torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
}


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_written_tensors_are_read_by_safetensors(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "x.safetensors"
    shapes = shapes_of(TENSORS)
    write_tensors(path, TENSORS, shapes, dtype)
    loaded = load_file(path)
    assert path.stat().st_size == file_size(shapes, dtype)
    assert loaded.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(loaded[name], tensor.to(dtype))


def test_number_too_large_for_the_dtype_is_refused(tmp_path: Path) -> None:
    tensors = {"weight": torch.tensor([1e6])}
    with pytest.raises(ImportFailed, match=r"weight .* bfloat16"):
        write_tensors(tmp_path / "x.safetensors", tensors, shapes_of(tensors), torch.float16)


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "before-torch-1.6"])
def test_pickled_tensors_are_read(tmp_path: Path, archive: bool) -> None:
    path = tmp_path / "x.bin"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=archive)
    assert torch.equal(read_tensors(path)["matrix"], TENSORS["matrix"])


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "before-torch-1.6"])
def test_pickled_code_is_refused_and_does_not_run(tmp_path: Path, archive: bool) -> None:
    path, made = tmp_path / "x.bin", tmp_path / "made"
    content = {**TENSORS, "payload": Payload(made)}
    torch.save(content, path, _use_new_zipfile_serialization=archive)
    with pytest.raises(ImportFailed, match="could run code"):
        read_pickle(path)
    assert not made.exists()


@pytest.mark.parametrize("name", ["x.safetensors", "x.bin"])
def test_cut_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".bin":
        torch.save(TENSORS, path)
    else:
        save_file({"matrix": TENSORS["matrix"]}, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImportFailed, match=name):
        read_tensors(path)


def test_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    torch.save([1, 2], path)
    with pytest.raises(ImportFailed, match="expected a dict of tensors, found list"):
        read_pickle(path)
    torch.save({"step": 3}, path)
    with pytest.raises(ImportFailed, match="other things as well"):
        read_tensors(path)
