"""The written repository is there as a whole or not at all, whatever ends the import."""

import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from instantid_server.importing import repository
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.planned import BytesFile
from instantid_server.importing.repository import check_target, write_repository

FIRST = BytesFile(PurePosixPath("unet/1/config.json"), b"{}")
Usage = namedtuple("Usage", "total used free")

# Writes one file, tells so, and then writes for ever.
HANGING = """
import sys, time
from pathlib import Path, PurePosixPath
from instantid_server.importing.planned import BytesFile
from instantid_server.importing.repository import write_repository

class Hanging(BytesFile):
    def write(self, root):
        print("writing", flush=True)
        time.sleep(600)

path = PurePosixPath("a/1")
files = [BytesFile(path / "first", b"1"), Hanging(path / "second", b"2")]
write_repository(Path(sys.argv[1]), files, lambda message: None)
"""


@dataclass(frozen=True)
class Failing(BytesFile):
    """A file whose writing fails."""

    error: BaseException

    def write(self, root: Path) -> None:
        raise self.error


def ignore(_: str) -> None:
    """Hear of progress."""


def hanging_import(target: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    process.send_signal(number)
    process.communicate()


def test_files_appear_at_the_target(tmp_path: Path) -> None:
    told: list[str] = []
    large = BytesFile(PurePosixPath("unet/1/model"), bytes(2 * 1024**2))
    write_repository(tmp_path / "real", [FIRST, large], told.append)
    assert (tmp_path / "real" / FIRST.path).read_bytes() == b"{}"
    assert [path.name for path in tmp_path.iterdir()] == ["real"]
    assert told == ["  0% writing unet/1/model (2 MiB)"]


@pytest.mark.parametrize(
    "error", [ImportFailed("bad"), KeyboardInterrupt()], ids=["refused", "ctrl-c"]
)
def test_failing_import_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    failing = Failing(PurePosixPath("unet/1/model.safetensors"), b"", error)
    with pytest.raises(type(error)):
        write_repository(tmp_path / "real", [FIRST, failing], ignore)
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fills_up_is_told_with_its_folder(tmp_path: Path) -> None:
    class Full(BytesFile):
        def write(self, root: Path) -> None:
            with Path("/dev/full").open("wb") as file:
                file.write(b"1")

    with pytest.raises(ImportFailed) as caught:
        write_repository(tmp_path / "real", [FIRST, Full(FIRST.path, b"")], ignore)
    assert f"{tmp_path / 'real'}: cannot be written ({tmp_path}: No space" in str(caught.value)
    assert "make room" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_takes_no_files_is_refused_at_once() -> None:
    with pytest.raises(ImportFailed, match=r"/proc/real: cannot be written \(/proc"):
        check_target(Path("/proc/real"))  # where not even root can write


def test_killed_import_leaves_no_target_and_the_next_one_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "real"
    end(hanging_import(target), signal.SIGKILL)
    assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".real.importing"]
    write_repository(target, [FIRST], ignore)
    assert [path for path in target.rglob("*") if path.is_file()] == [target / FIRST.path]
    assert list(tmp_path.iterdir()) == [target]


def test_second_import_into_the_same_place_is_refused(tmp_path: Path) -> None:
    process = hanging_import(tmp_path / "real")
    try:
        with pytest.raises(ImportFailed, match="another import"):
            write_repository(tmp_path / "real", [FIRST], ignore)
        assert (tmp_path / ".real.importing" / "a" / "1" / "first").read_bytes() == b"1"
    finally:
        end(process, signal.SIGKILL)


def test_existing_target_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("mine")
    with pytest.raises(ImportFailed, match="is there already"):
        write_repository(tmp_path, [FIRST], ignore)
    assert (tmp_path / "keep").read_text() == "mine"


def test_target_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="make it first"):
        write_repository(tmp_path / "no" / "real", [FIRST], ignore)


def test_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 90, 10))
    with pytest.raises(ImportFailed, match="MiB are needed and 0 MiB are free"):
        write_repository(tmp_path / "real", [Failing(FIRST.path, b"", AssertionError())], ignore)
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_files_has_to_be_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = Usage(0, 0, repository._SPARE_BYTES + FIRST.size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ImportFailed, match="make room"):
        write_repository(tmp_path / "real", [FIRST], ignore)
