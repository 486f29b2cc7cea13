"""docker/gateway/nginx.conf, in a real nginx in front of a doorman and a fake of Triton's ports."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from instantid_server.contract import MAX_REQUEST_BYTES, MODELS, PUBLIC_MODELS
from scripts.free_ports import free_ports
from tests.gateway.fake_triton_ports import FakePorts
from tests.gateway.host_certificate import host_certificate

CONF = Path(__file__).parents[2] / "docker" / "gateway" / "nginx.conf"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
PATIENCE_S = 30.0
GATEWAY_KEY = "g" * 43
TENANTS = "".join(f'"~^Bearer key-of-{name}$" "{name}";\n' for name in "abc")
UNARY = [model for model in PUBLIC_MODELS if not MODELS[model].decoupled]
STAGES = sorted(set(MODELS) - set(PUBLIC_MODELS))
BURST = 21  # the request that is let in by the rate, and twenty at once

pytestmark = pytest.mark.skipif(
    not Path(NGINX).exists(), reason="nginx is not installed (Debian: apt-get install nginx-light)"
)


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    seen: dict[str, Any]  # by the fake; nothing if the gateway answered itself


@dataclass(frozen=True)
class Gateway:
    """A running nginx, and who asks it."""

    port: int
    certificate: Path
    api_key: str | None = "key-of-a"

    def ask(
        self,
        path: str,
        method: str = "POST",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request over HTTP/1.1."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=PATIENCE_S, context=context
        )
        given = {} if self.api_key is None else {"Authorization": f"Bearer {self.api_key}"}
        connection.request(method, path, body, {**given, **(headers or {})})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return Answer(response.status, json.loads(text) if response.status == 200 else {})

    def channel(self) -> Any:
        """Open a gRPC channel."""
        credentials = grpc.ssl_channel_credentials(self.certificate.read_bytes())
        return grpc.secure_channel(f"localhost:{self.port}", credentials)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what a gRPC call says of its caller."""
        return () if self.api_key is None else (("authorization", f"Bearer {self.api_key}"),)


@pytest.fixture(scope="module")
def gateway(
    behind: FakePorts, doorman_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The configuration as it is shipped, but for its ports and the folder of its own files."""
    folder = tmp_path_factory.mktemp("nginx")
    (port,) = free_ports(1)
    text = CONF.read_text()
    for shipped, here in (
        ("listen 8443 ", f"listen 127.0.0.1:{port} "),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{behind.http};"),
        ("server 127.0.0.1:9001;", f"server 127.0.0.1:{doorman_port};"),
        ("/tmp/", f"{folder}/"),
        ("/dev/stdout", f"{folder}/access.log"),
    ):
        assert shipped in text
        text = text.replace(shipped, here)
    conf = folder / "nginx.conf"
    conf.write_text(text)
    (folder / "tenants.map").write_text(TENANTS)
    (folder / "gateway_key.map").write_text(f'default "{GATEWAY_KEY}";\n')
    certificate, key = host_certificate("localhost")
    (folder / "tls.crt").write_text(certificate)
    (folder / "tls.key").write_text(key)
    command = [NGINX, "-c", str(conf), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    with (folder / "stderr").open("w") as complaint:
        process = subprocess.Popen(command, stderr=complaint)
    try:
        running = Gateway(port, folder / "tls.crt")
        _wait_until_it_listens(running, process, folder / "stderr")
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_until_it_listens(
    gateway: Gateway, process: subprocess.Popen[bytes], complaint: Path
) -> None:
    try:
        grpc.channel_ready_future(gateway.channel()).result(PATIENCE_S)
    except grpc.FutureTimeoutError:
        pytest.fail(f"nginx {process.poll()}: {complaint.read_text()}")


@pytest.mark.parametrize("model", UNARY)
def test_public_model_is_reached_with_the_gateways_key_and_the_callers_tenant(
    model: str, gateway: Gateway
) -> None:
    forged = {"Instantid-Tenant": "b", "instantid-gateway-key": "x", "instantid-admin-key": "x"}
    answer = gateway.ask(f"/v2/models/{model}/infer", body=b"{}", headers=forged)
    assert (answer.status, answer.seen["path"]) == (200, f"/v2/models/{model}/infer")
    headers = answer.seen["headers"]
    assert headers["instantid-tenant"] == "a"
    assert headers["instantid-gateway-key"] == GATEWAY_KEY
    assert headers.keys().isdisjoint({"authorization", "instantid-admin-key"})


@pytest.mark.parametrize(
    "path",
    [
        *(f"/v2/models/{stage}/infer" for stage in STAGES),
        *(f"/v2/models/{stage}" for stage in STAGES),
        "/v2/models/instantid/generate",
        "/v2/models/instantid/generate_stream",
        "/v2/models/instantid/versions/1/infer",
        "/v2/models/instantid/config",
        "/v2/models/instantid/stats",
        "/v2/models/instantid/trace/setting",
        "/v2/models/instantid/../unet/infer",
        "/v2/models/instantid%2f..%2funet/infer",
        "/v2/models/unet/infer?/v2/models/instantid/infer",
        "/v2/models/stats",
        "/v2/repository/index",
        "/v2/repository/models/instantid/unload",
        "/v2/systemsharedmemory/region/a/register",
        "/v2/cudasharedmemory/status",
        "/v2/trace/setting",
        "/v2/logging",
        "/metrics",
        "/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everything_else_is_not_there(path: str, method: str, gateway: Gateway) -> None:
    assert gateway.ask(path, method).status == 404


def test_path_goes_on_as_it_was_matched(gateway: Gateway) -> None:
    sent = "/v2/models/unet/%2e%2e//verify/infer?query"
    assert gateway.ask(sent, body=b"{}").seen["path"] == "/v2/models/verify/infer"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v2/models/instantid/infer", "POST"),
        ("/v2/models/instantid", "GET"),
        ("/v2", "GET"),
        ("/inference.GRPCInferenceService/ModelInfer", "POST"),
    ],
)
@pytest.mark.parametrize("api_key", [None, "", "nobody's", "KEY-OF-A"])
def test_nobody_asks_without_a_key(
    path: str, method: str, api_key: str | None, gateway: Gateway
) -> None:
    assert replace(gateway, api_key=api_key).ask(path, method).status == 401


def test_health_is_told_to_everybody(gateway: Gateway) -> None:
    assert replace(gateway, api_key=None).ask("/v2/health/ready", "GET").status == 200


@pytest.mark.parametrize(
    ("path", "method"), [("/v2/models/instantid/infer", "GET"), ("/v2/health/ready", "POST")]
)
def test_other_methods_are_refused(path: str, method: str, gateway: Gateway) -> None:
    assert gateway.ask(path, method).status == 403


def test_large_photos_pass_and_larger_requests_do_not(gateway: Gateway) -> None:
    path = "/v2/models/instantid/infer"
    whole = gateway.ask(path, body=bytes(MAX_REQUEST_BYTES))
    assert (whole.status, whole.seen["body_bytes"]) == (200, MAX_REQUEST_BYTES)
    length = {"Content-Length": str(MAX_REQUEST_BYTES + 1)}
    assert gateway.ask(path, headers=length).status == 413


def test_one_tenants_haste_slows_nobody_else(gateway: Gateway) -> None:
    hasty, other = replace(gateway, api_key="key-of-b"), replace(gateway, api_key="key-of-c")
    path = "/v2/models/verify/infer"
    statuses = [hasty.ask(path).status for _ in range(2 * BURST)]
    assert statuses[:BURST] == [200] * BURST
    assert 429 in statuses
    assert other.ask(path).status == 200


class TestGrpc:
    @pytest.fixture
    def stub(self, gateway: Gateway) -> Iterator[Any]:
        with gateway.channel() as channel:
            yield service_pb2_grpc.GRPCInferenceServiceStub(channel)

    def infer(self, stub: Any, gateway: Gateway, model: str, *forged: tuple[str, str]) -> Any:
        request = service_pb2.ModelInferRequest(model_name=model)
        metadata = (*gateway.metadata(), *forged)
        return stub.ModelInfer(request, metadata=metadata, timeout=PATIENCE_S)

    def test_public_model_is_reached_with_the_gateways_key_and_the_callers_tenant(
        self, stub: Any, gateway: Gateway
    ) -> None:
        key = "triton-grpc-protocol-instantid-gateway-key"
        forged = (("instantid-tenant", "b"), (key, "x"), ("triton_grpc_error", "true"))
        answer = self.infer(stub, gateway, "instantid", *forged)
        seen = {name: value.string_param for name, value in answer.parameters.items()}
        assert seen["instantid-tenant"] == "a"
        assert seen[key] == GATEWAY_KEY
        assert seen["triton_grpc_error"] == "true"
        assert "authorization" not in seen

    @pytest.mark.parametrize(("api_key", "said"), [("key-of-a", "True"), ("x", "InvalidInput")])
    def test_own_client_shows_its_key(self, api_key: str, said: str, gateway: Gateway) -> None:
        program = (
            "import sys; from instantid_client import Client; "
            "client = Client(sys.argv[1], api_key=sys.argv[2], timeout_s=20); "
            "print(client._transport.is_ready('instantid', timeout_s=20))"
        )
        url = f"grpcs://localhost:{gateway.port}"
        # In a process of its own: gRPC reads once where its roots are.
        answer = subprocess.run(
            [sys.executable, "-c", program, url, api_key],
            env={**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(gateway.certificate)},
            capture_output=True,
            text=True,
        )
        assert said in answer.stdout + answer.stderr

    @pytest.mark.parametrize("model", ["unet", "face_embedder"])
    def test_stage_is_not(self, model: str, stub: Any, gateway: Gateway) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            self.infer(stub, gateway, model)
        assert caught.value.details().startswith("[NOT_PUBLIC] ")

    def test_nobody_asks_without_a_key(self, stub: Any, gateway: Gateway) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            self.infer(stub, replace(gateway, api_key=None), "instantid")
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED

    def test_other_methods_are_not_there(self, stub: Any, gateway: Gateway) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            stub.RepositoryIndex(
                service_pb2.RepositoryIndexRequest(),
                metadata=gateway.metadata(),
                timeout=PATIENCE_S,
            )
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    def test_stream_is_not_held_back(self, stub: Any, gateway: Gateway) -> None:
        requests: SimpleQueue[Any] = SimpleQueue()
        answers = stub.ModelStreamInfer(
            iter(requests.get, None), metadata=gateway.metadata(), timeout=PATIENCE_S
        )
        for name in ("first", "second"):  # the second is sent when the first is answered
            requests.put(service_pb2.ModelInferRequest(model_name="instantid_stream", id=name))
            assert next(answers).infer_response.id == name
        requests.put(None)
        assert list(answers) == []
