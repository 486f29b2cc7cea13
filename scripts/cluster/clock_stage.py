"""A stage in clock mode: it takes as long as the network would, and computes nothing.

Two cores can then stand for several GPUs: a request still passes admission, loop, batchers and
ensemble, and all of its tensors are there, but it costs next to no computing.
"""

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import CHUNK_TOKENS, ModelSpec, TensorSpec
from instantid_server.node import NodeContext, Outcome, Tensors
from scripts.cluster.curves import ServiceCurve, read_clock

CLOCK_FILE = "clock.json"
_WIDTH = 8  # of embeddings that no network will read
_VAE_SCALE_FACTOR = 8
# Sizes that the contract leaves to weights and requests. One face is found in every picture; the
# residuals are empty, for nobody copies them on a GPU that both networks share.
_SIZES: Mapping[str, tuple[int, ...]] = {
    "face_bboxes": (1, 4),
    "face_scores": (1,),
    "face_keypoints": (1, 5, 2),
    "face_embeddings": (1, 512),
    "prompt_embeds": (CHUNK_TOKENS, _WIDTH),
    "pooled_prompt_embeds": (_WIDTH,),
    "identity_tokens": (16, _WIDTH),
    "residuals": (0,),
}
_UNFLAGGED = 0
_DTYPES: Mapping[str, type[np.generic]] = {
    "FP32": np.float32,
    "INT32": np.int32,
    "UINT8": np.uint8,
}


class Device:
    """A GPU that does one thing at a time, for whichever process holds its lock."""

    def __init__(self, lock: Path | None) -> None:
        """Share the device of `lock`; None: this stage has one of its own."""
        self._lock = lock

    def occupy(self, seconds: float) -> None:
        """Wait for the device and keep it for so long."""
        with self._held():
            time.sleep(seconds)

    @contextmanager
    def _held(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        with self._lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class ClockStage:
    """Answers with tensors of the right shapes, when the time is over."""

    from_dlpack = None

    def __init__(self, spec: ModelSpec, curve: ServiceCurve, device: Device) -> None:
        self._spec = spec
        self._curve = curve
        self._device = device

    @classmethod
    def load(cls, spec: ModelSpec, context: NodeContext) -> "ClockStage":
        """Read the curve in the node's folder."""
        curve, lock = read_clock(context.directory / CLOCK_FILE)
        return cls(spec, curve, Device(lock))

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Take the time of all rows together, as one forward would."""
        rows = [len(next(iter(request.values()))) for request in requests]
        self._device.occupy(self._curve.seconds(sum(rows)))
        answer = partial(_answer, self._spec, num_requests=len(requests))
        return [answer(*of_request) for of_request in zip(requests, rows, strict=True)]


def _answer(spec: ModelSpec, request: Tensors, rows: int, num_requests: int) -> Tensors:
    return {
        tensor.name: _filled(tensor, rows, _shape(tensor, request), num_requests)
        for tensor in spec.outputs
    }


def _shape(tensor: TensorSpec, request: Tensors) -> tuple[int, ...]:
    if tensor.name == "noise_pred":
        return tuple(request["latents"].shape[1:])
    if tensor.name == "image":
        _, _, height, width = request["latents"].shape
        return height * _VAE_SCALE_FACTOR, width * _VAE_SCALE_FACTOR, 3
    return _SIZES.get(tensor.name, tensor.dims)


def _filled(
    tensor: TensorSpec, rows: int, shape: tuple[int, ...], num_requests: int
) -> NDArray[Any]:
    if tensor.dtype == "BYTES":
        return np.full((rows, *shape), b"clock", dtype=np.object_)
    # Ones, for embeddings have to have a direction.
    value = {"flagged": _UNFLAGGED, "batch_requests": num_requests}.get(tensor.name, 1)
    return np.full((rows, *shape), value, _DTYPES[tensor.dtype])
