"""A file that grows: what could not be added is not in it, and nothing follows half a line."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from instantid_server.serving.growing_file import GrowingFile

LINE = b'{"seq":1}\n'


def fail(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_line_that_is_not_sure_to_be_on_the_disk_is_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(GrowingFile(path)) as file:
        file.add(LINE)
        with monkeypatch.context() as full_disk:
            full_disk.setattr(os, "fsync", fail)
            with pytest.raises(OSError, match="no space left"):
                file.add(b"second\n")
        file.add(b"third\n")
    assert path.read_bytes() == LINE + b"third\n"


def test_half_a_line_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def write_half(descriptor: int, data: bytes) -> int:
        if len(data) < len(LINE):
            fail()
        return write(descriptor, data[: len(data) // 2])

    with closing(GrowingFile(path)) as file:
        with monkeypatch.context() as full_disk:
            full_disk.setattr(os, "write", write_half)
            with pytest.raises(OSError, match="no space left"):
                file.add(LINE)
        assert path.read_bytes() == b""


def test_nothing_follows_a_line_that_could_not_be_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(GrowingFile(path)) as file:
        with monkeypatch.context() as broken_disk:
            broken_disk.setattr(os, "fsync", fail)
            broken_disk.setattr(os, "ftruncate", fail)
            with pytest.raises(OSError, match="no space left"):
                file.add(LINE)
        with pytest.raises(OSError, match="neither be written nor taken back"):
            file.add(LINE)


def test_long_line_is_written_whole(path: Path) -> None:
    with closing(GrowingFile(path)) as file:
        file.add(b"x" * 1_000_000)
        assert file.read(999_990, 100) == b"x" * 10
