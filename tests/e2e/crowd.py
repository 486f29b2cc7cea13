"""Many requests at once, held open without a thread for each, and the answers to all of them."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
from tritonclient import grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from scripts.control_port import ask
from tests.e2e.patience import wait_until
from tests.e2e.photos import PORTRAIT
from tests.e2e.raw import text
from tests.e2e.server import RunningServer

LONG_STEPS = 150  # longer than any test looks
PATIENCE_S = 60.0  # on a machine that does much else


@dataclass
class Answer:
    """What one request of the crowd got, once it is there."""

    began_s: float = field(default_factory=time.monotonic)
    ended_s: float | None = None
    error: str | None = None  # the server's text; None: a picture
    arrived: threading.Event = field(default_factory=threading.Event)
    call: Any = None  # Triton's, as long as it is under way

    def hang_up(self) -> None:
        """Go away, as a caller does who has lost interest."""
        self.call.cancel()

    def wait(self, timeout_s: float = PATIENCE_S) -> "Answer":
        """Return this answer when it is there."""
        assert self.arrived.wait(timeout_s), "no answer"
        return self

    def take(self, result: object, error: InferenceServerException | None) -> None:
        """Keep what Triton's client calls back with."""
        self.ended_s = time.monotonic()
        self.error = None if error is None else str(error.message())
        self.arrived.set()

    @property
    def seconds(self) -> float:
        """How long it took."""
        assert self.ended_s is not None
        return self.ended_s - self.began_s


class Crowd:
    """Requests to one server; who is still there in the end is cancelled."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._client = grpc.InferenceServerClient(server.grpc_url)
        self._names: list[tuple[str, str]] = []
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        """Return the crowd, empty."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel who is left, and wait until the server has noticed."""
        for request_id, tenant in self._names:
            self.cancel(request_id, tenant)
        for answer in self.answers:
            answer.wait()
        self._client.close()
        wait_until(self.is_gone, PATIENCE_S, "every place is free")

    def send(
        self, request_id: str, tenant: str = "", steps: int = LONG_STEPS, timeout_s: float = 0.0
    ) -> Answer:
        """Start a request and return its answer to come."""
        answer = Answer()
        inputs = {
            "prompt": text("a portrait"),
            "face_image": text(PORTRAIT.read_bytes()),
            "num_inference_steps": np.array([steps], np.int32),
        }
        answer.call = self._client.async_infer(
            "instantid",
            grpc_inputs(inputs),
            answer.take,
            request_id=request_id,
            timeout=round(timeout_s * 1e6) or None,
            parameters={"tenant": tenant},
        )
        self._names.append((request_id, tenant))
        self.answers.append(answer)
        return answer

    def cancel(self, request_id: str, tenant: str = "") -> int:
        """Take requests back by the public model; return how many there were."""
        inputs = grpc_inputs({"request_id": text(request_id)})
        result = self._client.infer("instantid_cancel", inputs, parameters={"tenant": tenant})
        return int(result.as_numpy("cancelled")[0])

    def wait_for(self, running: int, waiting: int) -> None:
        """Return when that many requests run and wait."""
        wait_until(
            lambda: self._admission() == (running, waiting),
            PATIENCE_S,
            f"{running} requests run and {waiting} wait",
        )

    def is_gone(self) -> bool:
        """Tell whether nobody runs or waits."""
        return self._admission() == (0, 0)

    def _admission(self) -> tuple[int, int]:
        _, status = ask(self._server.control_url, "/status")
        return status["admission"]["running"], status["admission"]["waiting"]


def grpc_inputs(tensors: Mapping[str, Any]) -> list[grpc.InferInput]:
    """Return `tensors` as Triton's client takes them."""
    inputs = []
    for name, array in tensors.items():
        tensor = grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    return inputs
