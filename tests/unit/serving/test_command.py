"""Triton's command line by version."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from instantid_server.serving.command import (
    CONTAINER_VERSION,
    EMBEDDED_VERSION,
    CommandOptions,
    TritonVersion,
    triton_arguments,
)
from instantid_server.serving.wheel import find_wheel

OPTIONS = CommandOptions(
    model_repositories=(Path("/models"), Path("/ensembles")),
    admin_key="key",
    shm_prefix="instantid-1-",
    backend_directory=Path("/backends"),
    profile="single-gpu",
)


def flags(version: TritonVersion, options: CommandOptions = OPTIONS) -> set[str]:
    return {argument.partition("=")[0] for argument in triton_arguments(version, options)}


def test_both_repositories_are_named_in_order() -> None:
    arguments = triton_arguments(EMBEDDED_VERSION, OPTIONS)
    assert arguments[:2] == ["--model-repository=/models", "--model-repository=/ensembles"]


def test_default_profile_leaves_the_choice_to_the_config_files() -> None:
    assert "--model-config-name=single-gpu" in triton_arguments(EMBEDDED_VERSION, OPTIONS)
    default = dataclasses.replace(OPTIONS, profile=None)
    assert "--model-config-name" not in flags(EMBEDDED_VERSION, default)


def test_every_gpu_gets_a_pool_of_its_own() -> None:
    pooled = dataclasses.replace(OPTIONS, cuda_pools_mib={0: 1024, 3: 2})
    pools = [flag for flag in triton_arguments(EMBEDDED_VERSION, pooled) if "cuda" in flag]
    assert pools == [
        "--cuda-memory-pool-byte-size=0:1073741824",
        "--cuda-memory-pool-byte-size=3:2097152",
    ]


def test_installation_without_own_backends_uses_its_own() -> None:
    container = dataclasses.replace(OPTIONS, backend_directory=None)
    assert "--backend-directory" not in flags(CONTAINER_VERSION, container)


@pytest.mark.parametrize("version", [EMBEDDED_VERSION, CONTAINER_VERSION])
@pytest.mark.parametrize("flag", ["--http-restricted-api", "--grpc-restricted-protocol"])
def test_all_but_health_metadata_and_inference_needs_the_key(
    version: TritonVersion, flag: str
) -> None:
    (rule,) = [rule for rule in triton_arguments(version, OPTIONS) if rule.startswith(flag)]
    assert rule == (
        f"{flag}=shared-memory,model-config,model-repository,statistics,trace,logging"
        ":instantid-admin-key=key"
    )


@pytest.mark.parametrize("version", [EMBEDDED_VERSION, CONTAINER_VERSION])
def test_behind_a_gateway_inference_needs_its_key_and_the_tenant_is_its_header(
    version: TritonVersion,
) -> None:
    behind = dataclasses.replace(OPTIONS, gateway_key="secret")
    added = set(triton_arguments(version, behind)) - set(triton_arguments(version, OPTIONS))
    assert added == {
        "--http-restricted-api=inference:instantid-gateway-key=secret",
        "--grpc-restricted-protocol=inference:instantid-gateway-key=secret",
        "--http-header-forward-pattern=^instantid-tenant$",
        "--grpc-header-forward-pattern=^instantid-tenant$",
    }


def test_newer_triton_bounds_its_input() -> None:
    added = flags(CONTAINER_VERSION) - flags(EMBEDDED_VERSION)
    assert added == {"--http-max-input-size", "--grpc-max-response-pool-size", "--allow-client-shm"}


@pytest.mark.triton
def test_embedded_triton_knows_every_flag() -> None:
    wheel = find_wheel()
    assert wheel is not None
    usage = subprocess.run([wheel.server, "--help"], capture_output=True, text=True)
    known = set((usage.stdout + usage.stderr).split())
    everything = dataclasses.replace(OPTIONS, cuda_pools_mib={0: 1}, gateway_key="secret")
    assert flags(EMBEDDED_VERSION, everything) <= known
