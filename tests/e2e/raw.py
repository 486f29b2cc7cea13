"""Requests as any Triton client could send them, past the checks of our own client."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient import grpc, http
from tritonclient.utils import np_to_triton_dtype

Arrays = Mapping[str, NDArray[Any]]


def text(value: str | bytes) -> NDArray[np.object_]:
    """Return a BYTES scalar of shape [1]."""
    return np.array([value.encode() if isinstance(value, str) else value], dtype=np.object_)


def infer_grpc(
    url: str,
    tensors: Arrays,
    model: str = "instantid",
    parameters: dict[str, str | int | bool] | None = None,
) -> dict[str, NDArray[Any]]:
    """Send `tensors` and return every output; raises InferenceServerException."""
    with grpc.InferenceServerClient(url) as client:
        result = client.infer(
            model, _inputs(grpc, tensors), client_timeout=60, parameters=parameters
        )
        names = [output.name for output in result.get_response().outputs]
        return {name: result.as_numpy(name) for name in names}


def infer_http(url: str, tensors: Arrays, model: str = "instantid") -> dict[str, NDArray[Any]]:
    """Send `tensors` and return every output; raises InferenceServerException."""
    with http.InferenceServerClient(url, network_timeout=60) as client:
        result = client.infer(model, _inputs(http, tensors))
        names = [output["name"] for output in result.get_response()["outputs"]]
        return {name: result.as_numpy(name) for name in names}


def _inputs(protocol: Any, tensors: Arrays) -> list[Any]:
    inputs = []
    for name, array in tensors.items():
        tensor = protocol.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    return inputs
