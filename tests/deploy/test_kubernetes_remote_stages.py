"""The servers and the stages of the overlay `remote-stages` find and believe each other."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from instantid_server.serving.options import ServeOptions
from instantid_server.serving.placement import check_placement
from tests.deploy.manifests import (
    Manifest,
    container,
    needs_kubectl,
    serve_arguments,
    server_pod,
    the_only,
    volume,
)

OVERLAY = "remote-stages"

pytestmark = needs_kubectl


def stages_pod() -> Manifest:
    deployment = the_only(f"overlays/{OVERLAY}", "Deployment", "instantid-stages")
    pod: Manifest = deployment["spec"]["template"]
    return pod


def check(arguments: argparse.Namespace) -> None:
    options = ServeOptions(Path(), Path(), Path(), Path(), stage_key_path=arguments.stage_key)
    remote, only = dict(arguments.remote), tuple(arguments.only)
    check_placement(replace(options, remote_stages=remote, only_stages=only))


def test_servers_ask_for_just_the_stages_that_are_served() -> None:
    asking, asked = serve_arguments(server_pod(OVERLAY)), serve_arguments(stages_pod())
    assert sorted(dict(asking.remote)) == sorted(asked.only)
    check(asking)
    check(asked)


def test_servers_ask_at_the_stages_service() -> None:
    service = the_only(f"overlays/{OVERLAY}", "Service", "instantid-stages")
    (port,) = service["spec"]["ports"]
    addresses = {address for _, address in serve_arguments(server_pod(OVERLAY)).remote}
    assert addresses == {f"{service['metadata']['name']}:{port['port']}"}
    assert service["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("path", ["/stage-key", "/keys", "/keys/issuers", "/policy", "/models"])
def test_both_read_the_same_keys_policy_and_weights(path: str) -> None:
    assert volume(stages_pod(), path) == volume(server_pod(OVERLAY), path)


def test_both_serve_the_same_repository_on_the_same_ports() -> None:
    server, stages = container(server_pod(OVERLAY)), container(stages_pod())
    assert stages["env"] == server["env"]
    assert [port for port in stages["ports"] if port not in server["ports"]] == []


def test_servers_alone_reach_the_stages() -> None:
    policy = the_only(f"overlays/{OVERLAY}", "NetworkPolicy", "instantid-stages")["spec"]
    asked = [rule["from"] for rule in policy["ingress"] if {"port": "grpc"} in rule["ports"]]
    servers = {"matchLabels": {"app.kubernetes.io/name": "instantid"}}
    assert asked == [[{"podSelector": servers}]]
    out = the_only(f"overlays/{OVERLAY}", "NetworkPolicy", "instantid-to-stages")["spec"]
    assert out["podSelector"] == servers
