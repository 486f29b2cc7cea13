"""The preflight: what must be so before Triton is started, else a failure that says how to mend it.

Each check takes what it looks at, so that each can be tested without the state that it looks for.
"""

import importlib.metadata
import ipaddress
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from instantid_server.contract import MODELS
from instantid_server.serving.command import (
    CONTAINER_RELEASE,
    CONTAINER_VERSION,
    EMBEDDED_VERSION,
    TritonVersion,
)
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.installation import (
    CONTAINER,
    Installation,
    LooseParts,
    container_version,
)
from instantid_server.serving.libpython import DEBIAN_PACKAGE, SONAME, find_libpython
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.placement import check_placement
from instantid_server.serving.remains import SHM
from instantid_server.serving.wheel import (
    DISTRIBUTION,
    WHEEL_VERSION,
    TritonWheel,
    find_wheel,
    wheel_version,
)

MIN_GLIBC = (2, 35)  # the wheel's binaries are built on Ubuntu 22.04
PYTHONS = ((3, 11), (3, 12))  # those we test, of the stubs in the wheel
MIN_SCRATCH_MIB = 16  # backend, stub, log
MIN_SHM_MIB = 48  # a region of one or two MiB for each model, and room for pictures
COMFORTABLE_MEMORY_MIB = 4096  # a stub with torch and diffusers takes about 350
_MIB = 1024 * 1024


def check_all(options: ServeOptions) -> Installation:
    """Run every check; return the Triton to start."""
    check_python(sys.version_info[:2])
    installation = find_installation(CONTAINER, options.host)
    check_repositories(options.model_repository, options.ensemble_repository)
    check_profile(options.profile, (options.model_repository, options.ensemble_repository))
    check_placement(options)
    check_log_path(options.log_path)
    temporary = Path(tempfile.gettempdir())
    check_temporary_path(temporary)
    check_space(temporary, MIN_SCRATCH_MIB, "set TMPDIR to a folder on another disk")
    check_space(SHM, MIN_SHM_MIB, "in a container, give it more with --shm-size=256m")
    check_ports(options.host, options.ports)
    return installation


def find_installation(container: Path, host: str) -> Installation:
    """Return the Triton of the container that this process runs in, or else the wheel's."""
    version = container_version(container)
    if version is not None:
        check_container(version)
        return Installation(container / "bin" / "tritonserver", version)
    check_platform(sys.platform, platform.machine(), platform.libc_ver())
    check_host(host)
    check_numpy(sys.path)
    wheel = check_wheel(sys.path)
    libpython = check_libpython(find_libpython())
    return Installation(wheel.server, EMBEDDED_VERSION, LooseParts(wheel, libpython))


def check_container(version: TritonVersion) -> None:
    """Refuse an image that lacks security fixes, and the flags that we protect it with."""
    if version < CONTAINER_VERSION:
        raise ServingFailure(
            FailureCode.TRITON,
            f"expected Triton {_dotted(CONTAINER_VERSION)} or newer (release "
            f"{CONTAINER_RELEASE} of NVIDIA's container), this image has {_dotted(version)}; "
            "build on a newer one",
        )


def check_platform(system: str, machine: str, libc: tuple[str, str]) -> None:
    """Refuse all but x86-64 Linux with a glibc that Triton's binaries can use."""
    if (system, machine) != ("linux", "x86_64"):
        raise ServingFailure(
            FailureCode.PLATFORM,
            f"the embedded Triton needs x86-64 Linux, this is {machine} {system}; "
            "use NVIDIA's container (docker/)",
        )
    name, version = libc
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    if name != "glibc" or numbers < MIN_GLIBC:
        raise ServingFailure(
            FailureCode.PLATFORM,
            f"the embedded Triton needs glibc {_dotted(MIN_GLIBC)} or newer, this system has "
            f"{name or 'no glibc'} {version}".rstrip()
            + "; use Debian 12, Ubuntu 22.04 or newer, or NVIDIA's container (docker/)",
        )


def check_python(version: tuple[int, ...]) -> None:
    """Refuse a Python that has no stub, or one that we never ran."""
    if version not in PYTHONS:
        raise ServingFailure(
            FailureCode.PYTHON,
            f"the server needs Python {' or '.join(map(_dotted, PYTHONS))}, this is "
            f"{_dotted(version)}; make the environment with one of them",
        )


def check_host(host: str) -> None:
    """Refuse to listen beyond this machine: the embedded Triton has known security holes."""
    try:
        is_loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ServingFailure(
            FailureCode.HOST,
            f"host: expected a loopback address such as 127.0.0.1, got {host!r}; the embedded "
            "Triton lacks the security fixes of its successors, so serve others from NVIDIA's "
            "container (docker/)",
        )


def check_repositories(model_repository: Path, ensemble_repository: Path) -> None:
    """Refuse folders that lack a model of the contract."""
    for option, folder, is_ours in (
        ("model_repository", model_repository, False),
        ("ensemble_repository", ensemble_repository, True),
    ):
        if not folder.is_dir():
            raise ServingFailure(
                FailureCode.REPOSITORY,
                f"{option}: {folder} is no folder; give the one that is checked out, or the one "
                "that the weights were imported into",
            )
        wanted = [name for name, spec in MODELS.items() if (spec.backend == "ensemble") is is_ours]
        missing = [name for name in wanted if not (folder / name / "config.pbtxt").is_file()]
        if missing:
            raise ServingFailure(
                FailureCode.REPOSITORY,
                f"{option}: {folder} lacks {', '.join(missing)} (each a folder with a "
                "config.pbtxt); check it out again, or import the weights again",
            )


def check_profile(profile: str | None, repositories: tuple[Path, ...]) -> None:
    """Refuse a profile that no model has, for which Triton would quietly take the default."""
    configs = [path for folder in repositories for path in folder.glob("*/configs/*.pbtxt")]
    known = sorted({path.stem for path in configs})
    if profile is not None and profile not in known:
        raise ServingFailure(
            FailureCode.REPOSITORY,
            f"profile: the repositories have {', '.join(known) or 'none'}, got {profile!r}; leave "
            "it out for the CPU",
        )


def check_log_path(log_path: Path | None) -> None:
    """Refuse a log file in a folder that is not there."""
    if log_path is not None and not log_path.parent.is_dir():
        raise ServingFailure(
            FailureCode.SPACE,
            f"log_path: {log_path.parent} is no folder; make it, or leave the option out",
        )


def check_numpy(search_path: Sequence[str]) -> None:
    """Refuse numpy 2, with which this Triton answers with empty tensors and no error."""
    # All of them: stubs look in the environment alone, this process on PYTHONPATH too.
    found = importlib.metadata.distributions(name="numpy", path=list(search_path))
    versions = sorted({distribution.version for distribution in found}) or ["none"]
    if any(not version.startswith("1.") for version in versions):
        raise ServingFailure(
            FailureCode.NUMPY,
            f"the embedded Triton needs numpy 1, this environment has {versions[-1]} (with "
            "numpy 2 it answers with empty tensors); run: pip install 'numpy<2'",
        )


def check_wheel(search_path: Sequence[str]) -> TritonWheel:
    """Refuse an environment without the one wheel whose Triton we know."""
    version = wheel_version(list(search_path))
    wheel = find_wheel()
    if version != WHEEL_VERSION or wheel is None:
        raise ServingFailure(
            FailureCode.TRITON,
            f"{DISTRIBUTION}: expected {WHEEL_VERSION} with all its parts, found "
            f"{version or 'none'}; run: pip install {DISTRIBUTION}=={WHEEL_VERSION}",
        )
    return wheel


def check_libpython(found: Path | None) -> Path:
    """Refuse a Python that has no shared library anywhere."""
    if found is None:
        raise ServingFailure(
            FailureCode.LIBPYTHON,
            f"{SONAME} is neither beside this Python nor known to ldconfig; on Debian and Ubuntu "
            f"run: sudo apt-get install {DEBIAN_PACKAGE} (with pyenv, build Python with "
            "PYTHON_CONFIGURE_OPTS=--enable-shared)",
        )
    return found


def check_temporary_path(folder: Path) -> None:
    """Refuse a path that the shell between Triton and its stubs would take apart."""
    if any(not (char.isalnum() or char in "/._-") for char in str(folder)):
        raise ServingFailure(
            FailureCode.SPACE,
            f"the folder for temporary files, {folder}, has a space or sign in its path that "
            "Triton cannot pass on; set TMPDIR to another folder, such as /tmp",
        )


def check_space(folder: Path, needed_mib: int, remedy: str) -> None:
    """Refuse a folder with too little free space."""
    free_mib = shutil.disk_usage(folder).free // _MIB
    if free_mib < needed_mib or not os.access(folder, os.W_OK):
        raise ServingFailure(
            FailureCode.SPACE,
            f"{folder}: {needed_mib} MiB needed, {free_mib} MiB free for writing; {remedy}",
        )


def check_ports(host: str, ports: dict[str, int]) -> None:
    """Refuse ports that another process holds, or that two options share."""
    for option, port in ports.items():
        if list(ports.values()).count(port) > 1:
            raise ServingFailure(
                FailureCode.PORT, f"{option}: {port} is given twice; choose another number"
            )
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as error:
                raise ServingFailure(
                    FailureCode.PORT,
                    f"{option}: cannot listen on {host}:{port} ({_reason(error)}); end the "
                    "process that holds it, or choose another number",
                ) from error


def memory_warning(meminfo: str) -> str | None:
    """Return a warning if little memory is free; `meminfo` is the text of /proc/meminfo."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines())
    free_mib = int(fields["MemAvailable"].split()[0]) // 1024
    if free_mib >= COMFORTABLE_MEMORY_MIB:
        return None
    return (
        f"{free_mib} MiB of memory are free, {COMFORTABLE_MEMORY_MIB} MiB are comfortable: "
        "the server may be slow, or be killed"
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or "unknown reason"
