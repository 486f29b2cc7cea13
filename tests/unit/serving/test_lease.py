"""A server's name is unique, and what dead owners left is removed, nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instantid_server.serving.lease import Lease, release, sweep_stale, take_lease
from instantid_server.serving.leash import start_leash
from instantid_server.serving.remains import (
    SHM,
    find_processes,
    find_shared_memory,
    remove_remains,
)

SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def lease() -> Iterator[Lease]:
    taken = take_lease()
    yield taken
    release(taken)


def start_sleeper(name: str) -> subprocess.Popen[str]:
    """Start a process with `name` on its command line, and wait until it runs."""
    sleeper = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "up\n"
    return sleeper


def test_names_differ_within_one_process(lease: Lease) -> None:
    other = take_lease()
    release(other)
    assert other.name != lease.name


def test_live_lease_survives_a_sweep(lease: Lease) -> None:
    assert lease.name not in sweep_stale()
    assert lease.scratch.is_dir()


def test_release_removes_processes_files_and_folder() -> None:
    lease = take_lease()
    (SHM / f"{lease.shm_prefix}region").touch()
    with start_sleeper(lease.name) as sleeper:
        release(lease)
        assert sleeper.wait() == -9
    assert find_processes(lease.name) == []
    assert find_shared_memory(lease.name) == []
    assert not lease.scratch.exists()


def test_sweep_removes_what_a_dead_owner_left() -> None:
    code = "from instantid_server.serving.lease import take_lease; print(take_lease().name)"
    owner = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    name = owner.stdout.strip()
    assert find_shared_memory(name) != []
    assert name in sweep_stale()
    assert find_shared_memory(name) == []


def test_leash_acts_when_its_pipe_closes() -> None:
    lease = take_lease()
    with start_sleeper(lease.name) as sleeper:
        start_leash(lease).communicate()
        assert sleeper.wait() == -9
    assert not lease.scratch.exists()
    release(lease)


def test_folder_of_another_name_is_never_removed(tmp_path: Path) -> None:
    remove_remains("instantid-0-none", tmp_path)
    assert tmp_path.is_dir()
