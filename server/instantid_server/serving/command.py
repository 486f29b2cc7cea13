"""Triton's command line, for the version that is going to read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from instantid_server.caller import TENANT_HEADER
from instantid_server.contract import MAX_REQUEST_BYTES

ADMIN_HEADER = "instantid-admin-key"
GATEWAY_HEADER = "instantid-gateway-key"
# All but health, metadata and inference.
_RESTRICTED_APIS = "shared-memory,model-config,model-repository,statistics,trace,logging"
_MAX_RESPONSE_POOL = 16  # answers kept for reuse on a gRPC stream; Triton's default has no bound
_MIB = 1024 * 1024


class TritonVersion(NamedTuple):
    """The version that `/v2` reports, such as 2.51."""

    major: int
    minor: int


EMBEDDED_VERSION = TritonVersion(2, 51)  # in the wheel nvidia-pytriton 0.7.0
CONTAINER_VERSION = TritonVersion(2, 71)  # has the size limits that 2.51 lacks
CONTAINER_RELEASE = "26.07"  # NVIDIA's name of the image that has it


@dataclass(frozen=True)
class CommandOptions:
    """What the command line says, independent of the version."""

    model_repositories: tuple[Path, ...]
    admin_key: str  # needed in `ADMIN_HEADER` for loading, unloading, tracing and the like
    shm_prefix: str  # of this server's files in /dev/shm
    backend_directory: Path | None = None  # None: the installation's own
    profile: str | None = None
    models: tuple[str, ...] = ("*",)
    gateway_key: str | None = None  # needed in `GATEWAY_HEADER` for inference; None: anybody may
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    cuda_pools_mib: Mapping[int, int] = field(default_factory=dict)  # Triton's own, by GPU
    shm_default_mib: int = 1  # of each stub; grows when a tensor needs more
    shm_growth_mib: int = 1
    load_threads: int = 4  # models that load at once
    exit_timeout_s: int = 10


def triton_arguments(version: TritonVersion, options: CommandOptions) -> list[str]:
    """Return the arguments that follow `tritonserver`."""
    return [
        *(f"--model-repository={path}" for path in options.model_repositories),
        *([] if options.profile is None else [f"--model-config-name={options.profile}"]),
        "--model-control-mode=explicit",  # a killed stage comes back by unload and load
        *(f"--load-model={model}" for model in options.models),
        f"--model-load-thread-count={options.load_threads}",
        "--disable-auto-complete-config",  # it would import every model's code twice
        "--strict-readiness=true",
        *_backend_arguments(options),
        *(
            f"--cuda-memory-pool-byte-size={gpu}:{size * _MIB}"
            for gpu, size in options.cuda_pools_mib.items()
        ),
        *_address_arguments(options),
        *_restriction_arguments(version, options),
        f"--exit-timeout-secs={options.exit_timeout_s}",
        "--log-verbose=0",  # verbose logs name shared memory and request contents
        "--log-format=ISO8601",
    ]


def _backend_arguments(options: CommandOptions) -> list[str]:
    settings = {
        "shm-default-byte-size": options.shm_default_mib * _MIB,
        "shm-growth-byte-size": options.shm_growth_mib * _MIB,
        "shm-region-prefix-name": options.shm_prefix,
    }
    directory = options.backend_directory
    return [
        *([] if directory is None else [f"--backend-directory={directory}"]),
        *(f"--backend-config=python,{name}={value}" for name, value in settings.items()),
    ]


def _address_arguments(options: CommandOptions) -> list[str]:
    return [
        f"--http-address={options.host}",
        f"--http-port={options.http_port}",
        f"--grpc-address={options.host}",
        f"--grpc-port={options.grpc_port}",
        f"--metrics-address={options.host}",
        f"--metrics-port={options.metrics_port}",
    ]


def _restriction_arguments(version: TritonVersion, options: CommandOptions) -> list[str]:
    rule = f"{_RESTRICTED_APIS}:{ADMIN_HEADER}={options.admin_key}"
    arguments = [f"--http-restricted-api={rule}", f"--grpc-restricted-protocol={rule}"]
    if options.gateway_key is not None:
        rule = f"inference:{GATEWAY_HEADER}={options.gateway_key}"
        arguments += [f"--http-restricted-api={rule}", f"--grpc-restricted-protocol={rule}"]
        pattern = f"^{TENANT_HEADER}$"  # becomes a request parameter of that name
        arguments += [f"--http-header-forward-pattern={pattern}"]
        arguments += [f"--grpc-header-forward-pattern={pattern}"]
    if version >= CONTAINER_VERSION:
        arguments += [
            f"--http-max-input-size={MAX_REQUEST_BYTES}",
            f"--grpc-max-response-pool-size={_MAX_RESPONSE_POOL}",
            "--allow-client-shm=false",
        ]
    return arguments
