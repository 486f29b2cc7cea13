"""docker/gateway/envoy.yaml: what can be said of it without an Envoy to run it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs

from instantid_client._call import DEFAULT_TIMEOUT_S
from instantid_server.caller import TENANT_HEADER
from instantid_server.contract import MAX_REQUEST_BYTES, MODELS, PUBLIC_MODELS
from instantid_server.serving.command import ADMIN_HEADER, GATEWAY_HEADER
from instantid_server.serving.options import (
    DEFAULT_CONTROL_PORT,
    DEFAULT_GRPC_PORT,
    DEFAULT_HTTP_PORT,
)

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker" / "gateway" / "envoy.yaml"
SCHEMA = ROOT / "build" / "xds-protos"
PAGE = yaml.safe_load(FILE.read_text())
LISTENERS, CLUSTERS = (
    {part["name"]: part for part in PAGE["static_resources"][kind]}
    for kind in ("listeners", "clusters")
)
GRPC_PREFIX = "triton-grpc-protocol-"  # how Triton spells a header's name over gRPC
GRPC_METHODS = "/inference.GRPCInferenceService/"
STAGES = sorted(set(MODELS) - set(PUBLIC_MODELS))


def manager(listener: str) -> dict[str, Any]:
    """Return the HTTP connection manager of a listener."""
    (chain,) = LISTENERS[listener]["filter_chains"]
    (only,) = chain["filters"]
    config: dict[str, Any] = only["typed_config"]
    return config


PUBLIC = manager("public")
FILTERS = {part["name"]: part["typed_config"] for part in PUBLIC["http_filters"]}


def routes(listener: str) -> list[dict[str, Any]]:
    (host,) = manager(listener)["route_config"]["virtual_hosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found


def cluster_of(path: str, method: str = "POST", grpc: bool = False) -> str | None:
    """Return where the public listener sends a request; None: nowhere.

    As Envoy does: the first route that matches, a regular expression the whole path.
    """
    for route in routes("public"):
        match = route["match"]
        pattern = match["safe_regex"]["regex"] if "safe_regex" in match else None
        fits = re.fullmatch(pattern, path) if pattern else path == match["path"]
        methods = [each["string_match"]["exact"] for each in match.get("headers", ())]
        if fits and method in (methods or [method]) and grpc is ("grpc" in match):
            return str(route["route"]["cluster"])
    return None


@pytest.mark.skipif(
    not SCHEMA.is_dir(),
    reason="Envoy's schema is not installed (docker/requirements-envoy.txt says how)",
)
def test_envoys_schema_knows_every_field() -> None:
    program = [sys.executable, str(Path(__file__).with_name("envoy_schema.py")), str(FILE)]
    environment = {**os.environ, "PYTHONPATH": str(SCHEMA)}
    check = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert check.stdout == "2 listeners\n", check.stderr


@pytest.mark.parametrize("model", [model for model in PUBLIC_MODELS if not MODELS[model].decoupled])
def test_public_model_is_reached(model: str) -> None:
    assert cluster_of(f"/v2/models/{model}/infer") == "triton_http"
    assert cluster_of(f"/v2/models/{model}", "GET") == "triton_http"
    assert cluster_of(f"/v2/models/{model}/ready", "GET") == "triton_http"


@pytest.mark.parametrize(
    "path",
    [
        *(f"/v2/models/{stage}/infer" for stage in STAGES),
        *(f"/v2/models/{stage}" for stage in STAGES),
        "/v2/models/instantid/generate",
        "/v2/models/instantid/versions/1/infer",
        "/v2/models/instantid/config",
        "/v2/models/stats",
        "/v2/repository/index",
        "/v2/systemsharedmemory/region/a/register",
        "/v2/trace/setting",
        "/v2/logging",
        f"{GRPC_METHODS}RepositoryIndex",
        f"{GRPC_METHODS}ModelConfig",
        f"{GRPC_METHODS}SystemSharedMemoryRegister",
        "/metrics",
        "/",
    ],
)
def test_everything_else_is_not_there(path: str) -> None:
    ways = [(method, grpc) for method in ("GET", "POST") for grpc in (False, True)]
    assert [cluster_of(path, *way) for way in ways] == [None] * len(ways)


def test_grpc_goes_through_the_doorman_and_past_it_nowhere() -> None:
    for method in ("ModelInfer", "ModelStreamInfer", "ModelReady", "ServerReady"):
        assert cluster_of(f"{GRPC_METHODS}{method}", grpc=True) == "doorman"
    assert "triton_grpc" not in {route["route"]["cluster"] for route in routes("public")}
    address = LISTENERS["behind_the_doorman"]["address"]["socket_address"]
    assert address["address"] == "127.0.0.1"
    (back,) = routes("behind_the_doorman")
    assert back["route"]["cluster"] == "triton_grpc"


def test_callers_cannot_say_what_the_gateway_says() -> None:
    (extension,) = PUBLIC["early_header_mutation_extensions"]
    removed = {each["remove"] for each in extension["typed_config"]["mutations"]}
    secret = (GATEWAY_HEADER, ADMIN_HEADER)
    assert removed == {TENANT_HEADER, *secret, *(f"{GRPC_PREFIX}{name}" for name in secret)}


def test_every_request_has_a_tenant_before_it_is_counted_and_passed_on() -> None:
    order = [name.rpartition(".")[2] for name in FILTERS]
    assert order[:3] == ["jwt_authn", "rbac", "local_ratelimit"]
    assert order[-1] == "router"
    provider = FILTERS["envoy.filters.http.jwt_authn"]["providers"]["callers"]
    assert provider["claim_to_headers"] == [{"header_name": TENANT_HEADER, "claim_name": "sub"}]
    without, everything = FILTERS["envoy.filters.http.jwt_authn"]["rules"]
    assert without == {"match": {"prefix": "/v2/health/"}}
    assert everything == {"match": {"prefix": "/"}, "requires": {"provider_name": "callers"}}
    known = FILTERS["envoy.filters.http.rbac"]["rules"]["policies"]["known-tenant"]
    (header,) = (permission["header"] for permission in known["permissions"])
    assert header == {"name": TENANT_HEADER, "string_match": {"safe_regex": {"regex": ".+"}}}


def test_triton_is_shown_the_gateways_key_over_both_protocols() -> None:
    injected = [FILTERS[name]["credential"]["typed_config"] for name in FILTERS if "_key" in name]
    assert {each["header"] for each in injected} == {
        GATEWAY_HEADER,
        f"{GRPC_PREFIX}{GATEWAY_HEADER}",
    }
    assert all(FILTERS[name]["overwrite"] for name in FILTERS if "_key" in name)
    (secret,) = PAGE["static_resources"]["secrets"]
    assert {each["credential"]["name"] for each in injected} == {secret["name"]}


def test_requests_are_as_large_and_as_long_as_the_server_takes_them() -> None:
    assert FILTERS["envoy.filters.http.buffer"]["max_request_bytes"] == MAX_REQUEST_BYTES
    (infer,) = (
        route
        for route in routes("public")
        if route["match"].get("safe_regex", {}).get("regex", "").endswith("/infer")
    )
    for text in (infer["route"]["timeout"], PUBLIC["stream_idle_timeout"]):
        assert float(text.removesuffix("s")) > DEFAULT_TIMEOUT_S


def test_streams_are_not_held_back() -> None:
    (stream,) = (route for route in routes("public") if "grpc" in route["match"])
    assert stream["typed_per_filter_config"]["envoy.filters.http.buffer"]["disabled"]
    assert stream["route"]["timeout"] == "0s"


def test_every_cluster_is_used_and_knows_its_server() -> None:
    used = {route["route"]["cluster"] for name in LISTENERS for route in routes(name)}
    assert used == set(CLUSTERS)
    ports = {"triton_http": DEFAULT_HTTP_PORT, "triton_grpc": DEFAULT_GRPC_PORT}
    for name, port in ports.items():
        (place,) = CLUSTERS[name]["load_assignment"]["endpoints"]
        (server,) = place["lb_endpoints"]
        assert server["endpoint"]["address"]["socket_address"]["port_value"] == port
        assert server["endpoint"]["health_check_config"]["port_value"] == DEFAULT_CONTROL_PORT
