"""Clients that ask for much and read nothing of it for a while."""

import contextlib
import socket
from collections.abc import Mapping
from time import sleep
from typing import Any

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import np_to_triton_dtype

from instantid_client import Client
from instantid_server.contract import EMBEDDING_SIZE, INSTANTID, MAX_NUM_IMAGES_PER_PROMPT
from scripts.local_server import LocalServer

STALLS_FOR_S = 20.0
_TIMEOUT_S = 120.0
_SMALL_BUFFER = 2048  # bytes: the kernel's own would take a whole answer
_STEPS = 4


def stall(server: LocalServer, request: Mapping[str, Any]) -> None:
    """Hold two answers back, one of each protocol, then hang up."""
    with (
        Client(server.grpc_url, timeout_s=_TIMEOUT_S) as client,
        contextlib.closing(
            client.stream(
                **{**request, "num_images_per_prompt": MAX_NUM_IMAGES_PER_PROMPT}, preview_every=1
            )
        ) as events,
        _unread_http(server.http_url),
    ):
        next(events)
        sleep(STALLS_FOR_S)


def _unread_http(url: str) -> socket.socket:
    """Return a connection on which a request was sent and whose answer nobody reads."""
    host, port = url.split(":")
    body, json_size = InferenceServerClient.generate_request_body(_inputs())
    head = (
        f"POST /v2/models/{INSTANTID.name}/infer HTTP/1.1\r\nHost: {url}\r\n"
        f"Inference-Header-Content-Length: {json_size}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    connection.connect((host, int(port)))
    connection.sendall(head.encode() + body)
    return connection


def _inputs() -> list[Any]:
    tensors = {
        "prompt": np.array([b"a portrait of a person"], dtype=np.object_),
        "face_embedding": np.ones(EMBEDDING_SIZE, np.float32),
        "face_keypoints": np.array([[45, 55], [83, 55], [64, 75], [50, 95], [78, 95]], np.float32),
        "num_inference_steps": np.array([_STEPS], np.int32),
        "num_images_per_prompt": np.array([MAX_NUM_IMAGES_PER_PROMPT], np.int32),
    }
    inputs = []
    for name, array in tensors.items():
        tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    return inputs
