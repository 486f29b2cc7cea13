"""The wheel that carries a complete Triton: nvidia-pytriton.

It is used as a box of binaries and never imported.
"""

import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

DISTRIBUTION = "nvidia-pytriton"
WHEEL_VERSION = "0.7.0"  # carries Triton 2.51.0; another one may carry another Triton


@dataclass(frozen=True)
class TritonWheel:
    """Where the parts of Triton lie in the environment."""

    server: Path  # the executable
    python_backend: Path  # folder of libtriton_python.so
    stub: Path  # executable for the running Python
    libraries: Path  # folder


def wheel_version(search_path: list[str]) -> str | None:
    """Return the version of the wheel that is installed on `search_path`, if one is."""
    found = importlib.metadata.distributions(name=DISTRIBUTION, path=search_path)
    return next((distribution.version for distribution in found), None)


def find_wheel() -> TritonWheel | None:
    """Return the parts for the running Python, or None if any of them is missing."""
    spec = importlib.util.find_spec("pytriton")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    triton = package / "tritonserver"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    wheel = TritonWheel(
        server=triton / "bin" / "tritonserver",
        python_backend=triton / "backends" / "python",
        stub=triton / "python_backend_stubs" / python / "triton_python_backend_stub",
        libraries=package.parent / "nvidia_pytriton.libs",
    )
    parts = (wheel.server, wheel.python_backend, wheel.stub, wheel.libraries)
    return wheel if all(part.exists() for part in parts) else None
