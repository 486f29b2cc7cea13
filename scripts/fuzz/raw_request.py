"""A request as it goes over the wire, with nothing in it that has to make sense."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
from tritonclient.grpc import service_pb2, service_pb2_grpc

_ANSWER_WITHIN_S = 60.0


@dataclass(frozen=True, repr=False)
class RawInput:
    """One tensor: what is said of it, and its bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: bytes

    def __repr__(self) -> str:
        """Return what tells a failing request from others; a photo's bytes would bury it."""
        start = self.content[:32]
        size = len(self.content)
        return f"{self.name!r} {self.datatype!r} {self.shape}, {size} bytes: {start!r}"


@dataclass(frozen=True)
class RawRequest:
    """Inputs in any number, of any name, and whatever else goes with them."""

    model: str
    inputs: tuple[RawInput, ...]
    request_id: str = ""
    parameters: tuple[tuple[str, str | int | bool], ...] = ()


@dataclass(frozen=True)
class RawAnswer:
    """What came back."""

    status: str  # OK, gRPC's name of a status, or the number of an HTTP one
    message: str  # of an error


class RawSender:
    """Sends over gRPC, or over HTTP with tensors in binary."""

    def __init__(self, grpc_url: str, http_url: str) -> None:
        self._channel = grpc.insecure_channel(grpc_url)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._http_url = http_url

    def close(self) -> None:
        """Give the channel up."""
        self._channel.close()

    def send(self, protocol: str, request: RawRequest) -> RawAnswer:
        """Return what the server says; raises OSError or HTTPException if it says nothing."""
        return self._send_grpc(request) if protocol == "grpc" else self._send_http(request)

    def _send_grpc(self, request: RawRequest) -> RawAnswer:
        # Generated code without types, hence Any.
        message: Any = service_pb2.ModelInferRequest(
            model_name=request.model, id=request.request_id
        )
        for tensor in request.inputs:
            message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            message.raw_input_contents.append(tensor.content)
        for name, value in request.parameters:
            _set_parameter(message.parameters[name], value)
        try:
            self._stub.ModelInfer(message, timeout=_ANSWER_WITHIN_S)
        except grpc.RpcError as error:
            return RawAnswer(error.code().name, str(error.details()))
        return RawAnswer("OK", "")

    def _send_http(self, request: RawRequest) -> RawAnswer:
        head = {
            "id": request.request_id,
            "inputs": [
                {
                    "name": tensor.name,
                    "datatype": tensor.datatype,
                    "shape": tensor.shape,
                    "parameters": {"binary_data_size": len(tensor.content)},
                }
                for tensor in request.inputs
            ],
            "parameters": {**dict(request.parameters), "binary_data_output": True},
        }
        encoded = json.dumps(head).encode()
        body = encoded + b"".join(tensor.content for tensor in request.inputs)
        connection = http.client.HTTPConnection(self._http_url, timeout=_ANSWER_WITHIN_S)
        try:
            connection.request(
                "POST",
                f"/v2/models/{request.model}/infer",
                body,
                {"Inference-Header-Content-Length": str(len(encoded))},
            )
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status == http.client.OK:
            return RawAnswer("OK", "")
        return RawAnswer(str(answer.status), text)


def _set_parameter(parameter: Any, value: str | int | bool) -> None:
    if isinstance(value, bool):
        parameter.bool_param = value
    elif isinstance(value, int):
        parameter.int64_param = value
    else:
        parameter.string_param = value
