"""gRPC, over the messages and the stub that tritonclient generates.

tritonclient's own stream leaves a thread behind for every stream that was cancelled, and falls
silent if the server closes one early. The stub's iterator does neither.
"""

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
from tritonclient.grpc import InferResult, service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from instantid_client._call import Call
from instantid_client._endpoint import Endpoint
from instantid_client._errors import ModelNotReady
from instantid_client._requests import Array, Tensors
from instantid_client._triton_errors import from_triton

_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),  # Triton sets the limits, and says so when they are hit
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 2000),  # find a server soon that was started again
    # Of a name with many addresses, a headless service say, the first would get all.
    ("grpc.lb_policy_name", "round_robin"),
)
# Asks Triton for gRPC statuses on a stream, where by default it sends a text without one.
_STREAM_METADATA = (("triton_grpc_error", "true"),)
_TIMEOUT = "timeout"  # Triton's own parameter, microseconds


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise from_triton(error.details(), str(error.code())) from error
    except grpc.FutureCancelledError as error:
        raise from_triton(None, str(grpc.StatusCode.CANCELLED)) from error


def _raw(array: Array) -> bytes:
    if array.dtype != object:
        return array.tobytes()
    serialized: bytes = serialize_byte_tensor(array).item()
    return serialized


# The messages are generated code without types, hence Any.
def _infer_request(model: str, inputs: Tensors, call: Call) -> Any:
    request = service_pb2.ModelInferRequest(model_name=model, id=call.request_id)
    for name, text in call.parameters.items():
        request.parameters[name].string_param = text
    if call.timeout_us is not None:
        request.parameters[_TIMEOUT].int64_param = call.timeout_us
    for name, array in inputs.items():
        request.inputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        request.raw_input_contents.append(_raw(array))
    return request


def _outputs(response: Any) -> Tensors:
    result = InferResult(response)
    return {output.name: result.as_numpy(output.name) for output in response.outputs}


def _stream_outputs(response: Any) -> Tensors:
    """Return the outputs of one response."""
    if response.error_message:
        # In spite of the metadata: what Triton refuses before a model sees it has no status.
        raise from_triton(response.error_message, str(grpc.StatusCode.INVALID_ARGUMENT))
    return _outputs(response.infer_response)


def _open_channel(module: Any, endpoint: Endpoint) -> Any:
    """Return a channel of `module`, which is grpc or grpc.aio."""
    if not endpoint.tls:
        return module.insecure_channel(endpoint.authority, _CHANNEL_OPTIONS)
    credentials = grpc.ssl_channel_credentials()
    if endpoint.api_key is not None:
        shown = grpc.access_token_call_credentials(endpoint.api_key)  # Authorization: Bearer
        credentials = grpc.composite_channel_credentials(credentials, shown)
    return module.secure_channel(endpoint.authority, credentials, _CHANNEL_OPTIONS)


class GrpcTransport:
    """Blocking calls over one channel, from any thread."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._channel = _open_channel(grpc, endpoint)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        """Return the one answer of `model`."""
        with _mapped_errors():
            request = _infer_request(model, inputs, call)
            pending = self._stub.ModelInfer.future(request, timeout=call.wait_s)
            try:
                return _outputs(pending.result())
            finally:
                pending.cancel()  # after Ctrl-C; a call that is done takes no notice

    def stream(self, model: str, inputs: Tensors, call: Call) -> Generator[Tensors, None, None]:
        """Yield the answers of a decoupled model; closing the generator cancels the request."""
        with _mapped_errors():
            responses = self._stub.ModelStreamInfer(
                iter((_infer_request(model, inputs, call),)),
                timeout=call.wait_s,
                metadata=_STREAM_METADATA,
            )
            try:
                for response in responses:
                    yield _stream_outputs(response)
            finally:
                responses.cancel()

    def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        """Say whether `model` takes requests; None means the server as a whole."""
        with _mapped_errors():
            if model is None:
                request = service_pb2.ServerReadyRequest()
                return bool(self._stub.ServerReady(request, timeout=timeout_s).ready)
            try:
                answer = self._stub.ModelReady(
                    service_pb2.ModelReadyRequest(name=model), timeout=timeout_s
                )
            except grpc.RpcError as error:
                return _not_ready(error)
            return bool(answer.ready)

    def server_version(self, *, timeout_s: float | None) -> str:
        """Return Triton's version."""
        with _mapped_errors():
            request = service_pb2.ServerMetadataRequest()
            return str(self._stub.ServerMetadata(request, timeout=timeout_s).version)

    def close(self) -> None:
        """Give the connection up."""
        self._channel.close()


def _not_ready(error: Any) -> bool:
    """Return False for a model that is away; raise `error` again if it says anything else."""
    if isinstance(from_triton(error.details(), str(error.code())), ModelNotReady):
        return False
    raise error


class AsyncGrpcTransport:
    """The same calls for asyncio, over one channel of one event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._channel: Any = None

    @property
    def _stub(self) -> Any:
        # A channel belongs to the loop that runs when it is made, so not to that of __init__.
        if self._channel is None:
            self._channel = _open_channel(grpc.aio, self._endpoint)
        return service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    async def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        """Return the one answer of `model`."""
        with _mapped_errors():
            request = _infer_request(model, inputs, call)
            return _outputs(await self._stub.ModelInfer(request, timeout=call.wait_s))

    async def stream(
        self, model: str, inputs: Tensors, call: Call
    ) -> AsyncGenerator[Tensors, None]:
        """Yield the answers of a decoupled model; closing the generator cancels the request."""
        with _mapped_errors():
            responses = self._stub.ModelStreamInfer(
                iter((_infer_request(model, inputs, call),)),
                timeout=call.wait_s,
                metadata=_STREAM_METADATA,
            )
            try:
                async for response in responses:
                    yield _stream_outputs(response)
            finally:
                responses.cancel()

    async def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        """Say whether `model` takes requests; None means the server as a whole."""
        with _mapped_errors():
            if model is None:
                request = service_pb2.ServerReadyRequest()
                return bool((await self._stub.ServerReady(request, timeout=timeout_s)).ready)
            try:
                answer = await self._stub.ModelReady(
                    service_pb2.ModelReadyRequest(name=model), timeout=timeout_s
                )
            except grpc.RpcError as error:
                return _not_ready(error)
            return bool(answer.ready)

    async def server_version(self, *, timeout_s: float | None) -> str:
        """Return Triton's version."""
        with _mapped_errors():
            request = service_pb2.ServerMetadataRequest()
            return str((await self._stub.ServerMetadata(request, timeout=timeout_s)).version)

    async def close(self) -> None:
        """Give the connection up."""
        if self._channel is not None:
            await self._channel.close()
