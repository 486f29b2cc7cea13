"""The repository that an import writes: there as a whole, or not at all.

It grows in a hidden folder beside its place and is renamed at the very end. Whoever writes holds a
lock on that folder, which the kernel drops with its holder: what a killed import leaves is known by
its free lock, and goes when the next import into the same place begins.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.planned import PlannedFile

_SPARE_BYTES = 64 * 1024**2  # folders, and what the file system rounds up to
_MIB = 1024**2
_WORTH_TELLING = _MIB  # bytes; smaller files are written before anybody could read their names


def write_repository(
    target: Path, files: Sequence[PlannedFile], tell: Callable[[str], None]
) -> None:
    """Write `files` and make them appear at `target`; `tell` hears of the large ones."""
    check_target(target)
    try:
        _write(target, files, tell)
    except OSError as error:
        raise _unwritable(target, error) from error


def check_target(target: Path) -> None:
    """Refuse a place where something is already, or whose folder is missing or not to write in."""
    folder = target.absolute().parent
    try:
        if target.exists() or target.is_symlink():
            raise ImportFailed(f"{target}: is there already; remove it, or name another place")
        if not folder.is_dir():
            raise ImportFailed(f"{target}: the folder it is to lie in is missing; make it first")
        tempfile.TemporaryFile(dir=folder).close()  # tells who may write
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> ImportFailed:
    # The error of a write names no file.
    place = target.absolute().parent if error.filename is None else error.filename
    return ImportFailed(
        f"{target}: cannot be written ({place}: {error.strerror or error}); make room or see who "
        "may write there, or name another place"
    )


def _write(target: Path, files: Sequence[PlannedFile], tell: Callable[[str], None]) -> None:
    with _growing(target) as folder:
        total = sum(file.size for file in files)
        _check_space(folder, total)
        written = 0
        for file in files:
            if file.size >= _WORTH_TELLING:
                tell(f"{written / total:4.0%} writing {file.path} ({file.size / _MIB:.0f} MiB)")
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            file.write(folder)
            written += file.size
        os.sync()  # else a crash of the machine could leave the new name with old blocks
        folder.rename(target)


@contextlib.contextmanager
def _growing(target: Path) -> Iterator[Path]:
    """Give the locked, empty, hidden folder; it is gone afterwards, or renamed."""
    folder = target.absolute().parent / f".{target.absolute().name}.importing"
    folder.mkdir(exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImportFailed(f"{target}: another import is writing it; wait for it") from error
        for leaving in folder.iterdir():
            _remove(leaving)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # after the rename there is nothing
    finally:
        os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise ImportFailed(
            f"{folder.parent}: {(needed + _SPARE_BYTES) / _MIB:.0f} MiB are needed and "
            f"{free / _MIB:.0f} MiB are free; make room, or name a place on another disk"
        )
