"""The doors of a real Triton: stages answer its own models alone, and a gateway says who asks."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.request import urlopen

import grpc  # type: ignore[import-untyped]  # has no types
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from instantid_client import Client
from instantid_server.contract import FACE_EMBEDDER, ID_RESAMPLER, STAGE_KEY_PARAMETER
from scripts.consent.door_attacks import attacks, stage_request
from scripts.free_ports import free_ports
from scripts.fuzz.raw_request import RawInput, RawRequest, RawSender
from tests.e2e import photos
from tests.e2e.light_repository import write_light_repositories
from tests.e2e.server import STAGE_KEY, RunningServer, running_server

pytestmark = pytest.mark.triton

PATIENCE_S = 60.0
GATEWAY_KEY = "g" * 43
# A public model over the project's own border, which tells whether the tenant is `a`.
NODE = '''"""Tells who asks."""

import numpy as np

from instantid_server.adapter import TritonControl
from instantid_server.contract import INSTANTID_CANCEL


class Asked:
    def __init__(self, desk):
        pass

    def answer(self, inputs, caller):
        return {"cancelled": np.array([caller.tenant == "a"], np.int32)}


class TritonPythonModel(TritonControl):
    spec = INSTANTID_CANCEL
    load = Asked
'''


@contextmanager
def doorman(triton: str) -> Iterator[str]:
    """A doorman in front of a server; yields its address."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    process = subprocess.Popen(
        [sys.executable, "-m", "instantid_server.doorman", "--listen", address, "--triton", triton],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        assert stdout.readline().startswith("ready: ")
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_no_door_opens_without_its_key(server: RunningServer) -> None:
    tried = attacks(server)
    assert len(tried) > 40
    assert [attack for attack in tried if attack.succeeded] == []


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_stage_opens_with_the_key(protocol: str, server: RunningServer) -> None:
    sender = RawSender(server.grpc_url, server.http_url)
    request = stage_request(ID_RESAMPLER, {STAGE_KEY_PARAMETER: STAGE_KEY})
    assert sender.send(protocol, request).status == "OK"
    sender.close()


def test_key_is_nowhere_to_be_read(server: RunningServer) -> None:
    with urlopen(f"http://{server.metrics_url}/metrics") as page:
        metrics = page.read().decode()
    assert STAGE_KEY not in server.log() + server.complaint() + metrics


@pytest.mark.parametrize(
    ("said", "what"),
    [(b'"id": "\xff"', "request id"), (b'"parameters": {"a": "\xff"}', "parameters")],
)
def test_bytes_that_are_no_text_are_refused_in_words(
    said: bytes, what: str, server: RunningServer
) -> None:
    prompt = b'{"name": "prompt", "datatype": "BYTES", "shape": [1], "data": ["a"]}'
    connection = HTTPConnection(server.http_url, timeout=PATIENCE_S)
    connection.request(
        "POST", "/v2/models/instantid/infer", b"{" + said + b', "inputs": [' + prompt + b"]}"
    )
    answer = connection.getresponse()
    assert json.loads(answer.read()) == {"error": f"[INVALID_INPUT] {what}: expected UTF-8"}
    connection.close()


def test_pictures_and_previews_pass_the_doorman(server: RunningServer) -> None:
    with doorman(server.grpc_url) as address, Client(address, timeout_s=PATIENCE_S) as client:
        wish: dict[str, Any] = {
            "prompt": "a portrait of a person",
            "face_image": photos.PORTRAIT,
            "num_inference_steps": 2,
        }
        assert len(client.generate(**wish).pictures) == 1
        assert len(list(client.stream(**wish, preview_every=1))) > 1


def test_doorman_lets_nobody_reach_the_recogniser(server: RunningServer) -> None:
    with doorman(server.grpc_url) as address:
        sender = RawSender(address, server.http_url)
        key = {STAGE_KEY_PARAMETER: STAGE_KEY}  # it does not look at
        answer = sender.send("grpc", stage_request(FACE_EMBEDDER, key))
        sender.close()
    assert answer.message.startswith("[NOT_PUBLIC] model: ")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("guarded")
    models, ensembles = write_light_repositories(folder)
    (models / "instantid_cancel" / "1" / "model.py").write_text(NODE)
    with running_server(folder, models, ensembles, gateway_key=GATEWAY_KEY) as running:
        yield running


def is_tenant_a(server: RunningServer, *metadata: tuple[str, str], claimed: str = "") -> bool:
    """Ask with the gateway's key, or raise what gRPC raises."""
    message: Any = service_pb2.ModelInferRequest(model_name="instantid_cancel")
    message.inputs.add(name="request_id", datatype="BYTES", shape=[1])
    message.raw_input_contents.append(b"\1\0\0\0x")
    if claimed:
        message.parameters["tenant"].string_param = claimed
        message.parameters["instantid-tenant"].string_param = claimed
    with grpc.insecure_channel(server.grpc_url) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        answer = stub.ModelInfer(message, metadata=metadata, timeout=PATIENCE_S)
    return bool(np.frombuffer(answer.raw_output_contents[0], np.int32)[0])


def test_nobody_asks_past_the_gateway(guarded: RunningServer) -> None:
    with pytest.raises(grpc.RpcError, match="restricted"):
        is_tenant_a(guarded, ("instantid-tenant", "a"))
    sender = RawSender(guarded.grpc_url, guarded.http_url)
    request_id = RawInput("request_id", "BYTES", (1,), b"\1\0\0\0x")
    answer = sender.send("http", RawRequest("instantid_cancel", (request_id,)))
    sender.close()
    assert (answer.status, "restricted" in answer.message) == ("403", True)


def test_tenant_is_whom_the_gateway_names(guarded: RunningServer) -> None:
    key = ("triton-grpc-protocol-instantid-gateway-key", GATEWAY_KEY)
    assert is_tenant_a(guarded, key, ("instantid-tenant", "a"))
    assert not is_tenant_a(guarded, key, ("instantid-tenant", "b"))


def test_caller_who_names_himself_is_refused(guarded: RunningServer) -> None:
    key = ("triton-grpc-protocol-instantid-gateway-key", GATEWAY_KEY)
    with pytest.raises(grpc.RpcError, match="parameters: expected each name once"):
        is_tenant_a(guarded, key, ("instantid-tenant", "b"), claimed="a")
