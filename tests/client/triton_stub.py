"""A gRPC server that speaks Triton's protocol, and does what a request's prompt says."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from instantid_client._requests import Tensors
from tests.client.answers import progress, result

WAIT_S = 10.0  # far more than anything here takes


def response_of(tensors: Tensors) -> Any:
    """Return the message that carries `tensors`."""
    response = service_pb2.ModelInferResponse(model_name="instantid")
    for name, array in tensors.items():
        response.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        raw = serialize_byte_tensor(array).item() if array.dtype == object else array.tobytes()
        response.raw_output_contents.append(raw)
    return response


class TritonStub(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # untyped
    """The prompt of a request says what becomes of it."""

    def __init__(self) -> None:
        self.received = threading.Event()  # a request is there
        self.ended = threading.Event()  # and over; an endless one only if it was cancelled
        self.request: Any = None

    def ServerReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerReadyResponse(ready=True)

    def ServerMetadata(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerMetadataResponse(name="triton", version="2.51.0")

    def ModelReady(self, request: Any, context: Any) -> Any:
        if request.name == "gone":
            context.abort(grpc.StatusCode.NOT_FOUND, "Request for unknown model: 'gone'")
        if request.name == "broken":
            context.abort(grpc.StatusCode.INTERNAL, "no more")
        return service_pb2.ModelReadyResponse(ready=True)

    def ModelInfer(self, request: Any, context: Any) -> Any:
        self._obey(self._receive(request, context), context)
        return response_of(result())

    def ModelStreamInfer(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        prompt = self._receive(next(requests), context)
        if prompt == "malformed":
            message = "[request id: <id_unknown>] unexpected shape for input 'seed'"
            yield service_pb2.ModelStreamInferResponse(error_message=message)
            return
        yield _streamed(progress(1))
        self._obey(prompt, context)
        if prompt == "silent":
            return
        yield _streamed(result())

    def _receive(self, request: Any, context: Any) -> str:
        self.request = request
        self.received.set()
        if not context.add_callback(self.ended.set):  # the caller is gone already
            self.ended.set()
        # A BYTES element: its length in four bytes, then the text.
        return bytes(request.raw_input_contents[0][4:]).decode()

    def _obey(self, prompt: str, context: Any) -> None:
        if prompt == "faceless":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "[FACE_NOT_FOUND] no face")
        if prompt == "endless":
            self.ended.wait(WAIT_S)


def _streamed(tensors: Tensors) -> Any:
    return service_pb2.ModelStreamInferResponse(infer_response=response_of(tensors))


@contextmanager
def running_stub() -> Iterator[tuple[TritonStub, str]]:
    """Yield the stub and its address."""
    stub = TritonStub()
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(stub, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield stub, f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
