"""The gateway of the Kubernetes manifests fits its own configuration, and the servers behind it."""

import re
from pathlib import Path

import pytest

from instantid_server import doorman
from instantid_server.serving.options import ServeOptions
from tests.deploy.manifests import (
    OVERLAYS,
    ROOT,
    Manifest,
    container,
    needs_kubectl,
    serve_arguments,
    server_pod,
    the_only,
    volume,
)

ENVOY = (ROOT / "docker" / "gateway" / "envoy.yaml").read_text()

pytestmark = [
    needs_kubectl,
    pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "cpu-demo"]),
]


def gateway_pod(overlay: str) -> Manifest:
    deployment = the_only(f"overlays/{overlay}", "Deployment", "instantid-gateway")
    pod: Manifest = deployment["spec"]["template"]
    return pod


def test_servers_believe_it_alone(overlay: str) -> None:
    key = serve_arguments(server_pod(overlay)).gateway_key
    secret = volume(server_pod(overlay), str(key.parent))["secret"]
    assert [item["path"] for item in secret["items"]] == [key.name]  # and no other file of it
    assert key.name in ENVOY


def test_finds_the_servers(overlay: str) -> None:
    service = the_only(f"overlays/{overlay}", "Service")
    named = {port["port"] for port in service["spec"]["ports"]}
    for port in named:
        assert f"address: {service['metadata']['name']}, port_value: {port} " in ENVOY
    assert f"health_check_config: {{ port_value: {ServeOptions.control_port} }}" in ENVOY


def test_stands_before_and_behind_the_doorman(overlay: str) -> None:
    pod = gateway_pod(overlay)
    sidecar = container(pod, "doorman")
    assert sidecar["command"][-1] == doorman.__name__
    ports = re.findall(r"127\.0\.0\.1, port_value: (\d+)", ENVOY)
    addresses = re.findall(r"127\.0\.0\.1:(\d+)", " ".join(sidecar["args"]))
    assert sorted(ports) == sorted(addresses)


def test_lets_long_connections_go_before_it_ends(overlay: str) -> None:
    pod = gateway_pod(overlay)
    waits_s = container(pod, "envoy")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits_s < pod["spec"]["terminationGracePeriodSeconds"]
    (kept_s,) = re.findall(r"max_connection_duration: (\d+)s", ENVOY)
    assert int(kept_s) + serve_arguments(server_pod(overlay)).drain_timeout <= waits_s


def test_reads_its_files_where_they_are_mounted(overlay: str) -> None:
    pod = gateway_pod(overlay)
    mounts = {m["mountPath"] for m in container(pod, "envoy")["volumeMounts"]}
    assert {str(Path(p).parent) for p in re.findall(r"filename: ([^ ]+)", ENVOY)} <= mounts
