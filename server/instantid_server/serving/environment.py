"""The environment variables of Triton and, through it, of every stub."""

import ctypes.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_FIXED = {
    "PYTHONNOUSERSITE": "1",
    # Idle teams of one stage must not spin on another's cores, yet a thread that sleeps between two
    # operators costs a tenth of a step. So they spin for microseconds: 2,000 rounds of libgomp's.
    "GOMP_SPINCOUNT": "2000",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's, which multiplies nothing large here
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # else onnxruntime 1.29 and later tell their maker of each run
}


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0))


def quiet_allocator() -> str | None:
    """Return the name of jemalloc's library where the system has it, as Triton's container does.

    glibc keeps for each of Triton's hundreds of threads what that thread freed; jemalloc settles in
    minutes, and torch likes it.
    """
    return ctypes.util.find_library("jemalloc")


def server_environment(
    inherited: Mapping[str, str],
    libraries: tuple[Path, ...],
    num_threads: int | None,
    own: Mapping[str, str],
    allocator: str | None = None,
) -> dict[str, str]:
    """Return what Triton starts with, given what this process was started with.

    `num_threads` is for stages that set no number themselves; None leaves OMP_NUM_THREADS as it
    was inherited or, without one, takes every usable core. `own` is what this server tells its
    stubs: where the desk and the keys are, and the policy. `allocator` is a library to allocate
    memory with, unless one was inherited.
    """
    preloaded = inherited.get("LD_PRELOAD", "")
    if allocator is not None and "malloc" not in preloaded:
        own = {**own, "LD_PRELOAD": f"{allocator} {preloaded}".rstrip()}
    threads = inherited.get("OMP_NUM_THREADS", str(usable_cores()))
    return {
        **{name: value for name, value in inherited.items() if name != "PYTHONHOME"},
        **_FIXED,
        # A stub takes its packages from the first python3 it finds.
        "PATH": _prepend((Path(sys.executable).parent,), inherited.get("PATH", os.defpath)),
        "LD_LIBRARY_PATH": _prepend(libraries, inherited.get("LD_LIBRARY_PATH", "")),
        **own,
        "OMP_NUM_THREADS": threads if num_threads is None else str(num_threads),
    }


def _prepend(folders: tuple[Path, ...], rest: str) -> str:
    return os.pathsep.join([*map(str, folders), *([rest] if rest else [])])
