"""Requests to the public models, and what their senders got."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import red_squares
import triton_python_backend_utils as pb_utils
from batches import Arrays, answer_of, request_of
from numpy.typing import NDArray

SQUARE = (40, 30, 50)


Value: TypeAlias = int | float | str | bytes | NDArray[Any] | None


def picture_request(**options: Value) -> dict[str, NDArray[Any]]:
    """Return the inputs of a two-step picture; `options` replace or add some, None leaves out."""
    values = {
        "prompt": "a portrait in the snow",
        "face_image": red_squares.png([SQUARE]),
        "num_inference_steps": 2,
        "seed": 7,
        **options,
    }
    return {name: scalar(name, value) for name, value in values.items() if value is not None}


def scalar(name: str, value: Value) -> NDArray[Any]:
    """Return `value` as the tensor of shape (1,) that the input `name` asks for."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str):
        return np.array([value.encode()], dtype=np.object_)
    if isinstance(value, bytes):
        return np.array([value], dtype=np.object_)
    if isinstance(value, float):
        return np.array([value], np.float32)
    return np.array([value], np.int64 if name == "seed" else np.int32)


def send(node: Any, inputs: Arrays, cancelled: bool = False) -> pb_utils.ResponseSender:
    """Start a request on a public node and return its sender."""
    request = request_of(inputs)
    sender = request.get_response_sender()
    sender.cancelled = cancelled
    assert node.execute([request]) is None
    return sender


def last_answer(node: Any, inputs: Mapping[str, Any]) -> Any:
    """Send a request, wait, and return the final response: arrays, or the text of an error."""
    sender = send(node, inputs)
    node.finalize()
    assert sender.closed
    return answer_of(sender.sent[-1])
