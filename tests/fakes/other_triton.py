"""Another server's gRPC port, with one stage behind it that answers as a test says."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
import numpy as np
from batches import Arrays
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

from instantid_server.contract import ModelSpec

_GRACE_S = 5.0


class OtherTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # untyped
    """Serves `spec` with one floating type; `answer` gets the arrays, and how to refuse."""

    def __init__(self, spec: ModelSpec, wire_dtype: str, answer: Callable[..., Arrays]) -> None:
        self.parameters: list[dict[str, str]] = []
        self._spec = spec
        self._wire_dtype = wire_dtype
        self._answer = answer

    def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=request.name == self._spec.name)

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        metadata = service_pb2.ModelMetadataResponse(name=request.name)
        for spec in self._spec.inputs:
            datatype = self._wire_dtype if spec.on_wire else spec.dtype
            metadata.inputs.add(name=spec.name, datatype=datatype, shape=(-1, *spec.dims))
        return metadata

    def ModelInfer(self, request: Any, context: Any) -> Any:
        self.parameters.append({k: p.string_param for k, p in request.parameters.items()})
        arrays = {
            tensor.name: _array(raw, tensor)
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        for name, array in self._answer(arrays, context.abort).items():
            datatype = np_to_triton_dtype(array.dtype)
            response.outputs.add(name=name, datatype=datatype, shape=array.shape)
            is_text = datatype == "BYTES"
            raw = serialize_byte_tensor(array).item() if is_text else array.tobytes()
            response.raw_output_contents.append(raw)
        return response


def _array(raw: bytes, tensor: Any) -> Any:
    if tensor.datatype == "BYTES":
        return deserialize_bytes_tensor(raw).reshape(tensor.shape)
    return np.frombuffer(raw, triton_to_np_dtype(tensor.datatype)).reshape(tensor.shape)


@contextmanager
def other_triton(
    spec: ModelSpec, answer: Callable[..., Arrays], wire_dtype: str = "FP32", port: int = 0
) -> Iterator[tuple[OtherTriton, str]]:
    """Yield the server and its address."""
    other = OtherTriton(spec, wire_dtype, answer)
    server = grpc.server(ThreadPoolExecutor(8))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(other, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield other, f"127.0.0.1:{port}"
    finally:
        server.stop(_GRACE_S).wait()
