"""Attacks on a server's doors: its stages called by name, and what only its operator may do."""

from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from typing import Any, Protocol

import grpc  # type: ignore[import-untyped]  # has no types
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from instantid_server.contract import (
    MODELS,
    PUBLIC_MODELS,
    STAGE_KEY_PARAMETER,
    ErrorCode,
    ModelSpec,
    TensorSpec,
)
from scripts.consent.attack import Attack
from scripts.fuzz.raw_request import RawInput, RawRequest, RawSender

_PATIENCE_S = 60.0
_SIZE = 64  # where the contract leaves a dim open
_TYPES = {"FP32": np.float32, "INT32": np.int32, "UINT8": np.uint8}
_KEYS: tuple[dict[str, str], ...] = ({}, {STAGE_KEY_PARAMETER: ""}, {STAGE_KEY_PARAMETER: "x" * 43})
_RESTRICTED = "restricted"  # in Triton's own words
# Past `infer`, Triton has other paths to a model.
_SIDE_PATHS = {
    "/v2/models/text_encoder/generate": b'{"prompt": "a"}',
    "/v2/models/text_encoder/generate_stream": b'{"prompt": "a"}',
    "/v2/models/text_encoder/versions/1/infer": (
        b'{"inputs": [{"name": "prompt", "datatype": "BYTES", "shape": [1, 1], "data": ["a"]}]}'
    ),
}
_ADMIN_PATHS = (
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/repository/models/unet/unload"),
    ("POST", "/v2/systemsharedmemory/region/a/register"),
    ("GET", "/v2/systemsharedmemory/status"),
    ("POST", "/v2/cudasharedmemory/region/a/register"),
    ("GET", "/v2/models/unet/config"),
    ("GET", "/v2/models/stats"),
    ("POST", "/v2/trace/setting"),
    ("POST", "/v2/logging"),
)
_ADMIN_METHODS = (
    ("RepositoryIndex", service_pb2.RepositoryIndexRequest()),
    ("RepositoryModelUnload", service_pb2.RepositoryModelUnloadRequest(model_name="unet")),
    ("SystemSharedMemoryRegister", service_pb2.SystemSharedMemoryRegisterRequest(name="a")),
    ("SystemSharedMemoryStatus", service_pb2.SystemSharedMemoryStatusRequest()),
    ("CudaSharedMemoryRegister", service_pb2.CudaSharedMemoryRegisterRequest(name="a")),
    ("ModelConfig", service_pb2.ModelConfigRequest(name="unet")),
    ("ModelStatistics", service_pb2.ModelStatisticsRequest()),
    ("TraceSetting", service_pb2.TraceSettingRequest()),
    ("LogSettings", service_pb2.LogSettingsRequest()),
)


class Target(Protocol):
    """Where a server listens."""

    @property
    def http_url(self) -> str:
        """Host and port."""
        ...

    @property
    def grpc_url(self) -> str:
        """Host and port."""
        ...


def attacks(server: Target) -> list[Attack]:
    """Try every door of a running server."""
    sender = RawSender(server.grpc_url, server.http_url)
    with grpc.insecure_channel(server.grpc_url) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        tried = [attack for spec in _stages() for attack in _stage_attacks(spec, sender, stub)]
        tried += [_side_path(server.http_url, *each) for each in _SIDE_PATHS.items()]
        tried += [_admin_path(server.http_url, *each) for each in _ADMIN_PATHS]
        tried += [_admin_method(stub, *each) for each in _ADMIN_METHODS]
    sender.close()
    return tried


def stage_request(spec: ModelSpec, parameters: dict[str, str]) -> RawRequest:
    """Return a request that a stage would look at."""
    inputs = tuple(_input(tensor, spec.batches) for tensor in spec.inputs)
    return RawRequest(spec.name, inputs, parameters=tuple(parameters.items()))


def _stages() -> Iterator[ModelSpec]:
    yield from (spec for name, spec in MODELS.items() if name not in PUBLIC_MODELS)


def _input(tensor: TensorSpec, batches: bool) -> RawInput:
    dims = tuple(_SIZE if size == -1 else size for size in tensor.dims)
    shape = (1, *dims) if batches else dims
    if tensor.dtype == "BYTES":
        return RawInput(tensor.name, tensor.dtype, shape, b"\1\0\0\0x")
    return RawInput(
        tensor.name, tensor.dtype, shape, np.zeros(shape, _TYPES[tensor.dtype]).tobytes()
    )


def _stage_attacks(spec: ModelSpec, sender: RawSender, stub: Any) -> list[Attack]:
    """Try a stage over HTTP, gRPC and a gRPC stream: with no key, an empty one and a wrong one."""
    requests = [stage_request(spec, parameters) for parameters in _KEYS]
    unary = {
        protocol: [sender.send(protocol, request).message for request in requests]
        for protocol in ("http", "grpc")
    }
    ways = {**unary, "stream": _stream_answers(stub, requests)}
    return [_attack(f"{spec.name} over {way}", answers) for way, answers in ways.items()]


def _stream_answers(stub: Any, requests: Sequence[RawRequest]) -> list[str]:
    messages = [_message(request) for request in requests]
    answers = stub.ModelStreamInfer(iter(messages), timeout=_PATIENCE_S)
    return [answer.error_message for answer in answers]


def _message(request: RawRequest) -> Any:
    message: Any = service_pb2.ModelInferRequest(model_name=request.model)
    for tensor in request.inputs:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        message.raw_input_contents.append(tensor.content)
    for name, value in request.parameters:
        message.parameters[name].string_param = str(value)
    return message


def _attack(name: str, answers: Sequence[str]) -> Attack:
    """Judge the answers to one attack's tries; a success has no words, or other ones."""
    came = [answer for answer in answers if f"[{ErrorCode.NOT_PUBLIC}]" not in answer]
    if came or not answers:
        return Attack(name, True, came[0][:80] if came and came[0] else "an answer")
    return Attack(name, False, ErrorCode.NOT_PUBLIC)


def _side_path(http_url: str, path: str, body: bytes) -> Attack:
    status, text = _ask(http_url, "POST", path, body)
    return _attack(f"POST {path}", [text if status >= 400 else ""])


def _admin_path(http_url: str, method: str, path: str) -> Attack:
    status, text = _ask(http_url, method, path, b"{}")
    return Attack(f"{method} {path}", status != 403 or _RESTRICTED not in text, str(status))


def _ask(http_url: str, method: str, path: str, body: bytes) -> tuple[int, str]:
    connection = HTTPConnection(http_url, timeout=_PATIENCE_S)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def _admin_method(stub: Any, method: str, message: Any) -> Attack:
    try:
        getattr(stub, method)(message, timeout=_PATIENCE_S)
    except grpc.RpcError as error:
        return Attack(method, _RESTRICTED not in str(error.details()), error.code().name)
    return Attack(method, True, "an answer")
