"""The one fake of Triton's Python module: as much of it as the nodes touch, and no more.

Behaves as the module of Triton 2.51 where that matters here: tensors own a copy of nothing, a
response has tensors or an error, a sender counts what it sent, `exec` runs a registered model.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

TRITONSERVER_RESPONSE_COMPLETE_FINAL = 1
TRITONSERVER_MEMORY_CPU = 0

# Models that a BLS call can reach, by name; a test registers what it needs.
MODELS: dict[str, Callable[["InferenceRequest"], "InferenceResponse"]] = {}


class TritonModelException(Exception):
    """What BLS raises when a call cannot even be made."""


class TritonError:
    """An error with one of Triton's status codes."""

    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS = range(7)
    CANCELLED = 7

    def __init__(self, message: str, code: int = INTERNAL) -> None:
        self._message = message
        self._code = code

    def message(self) -> str:
        return self._message

    def code(self) -> int:
        return self._code


class PreferredMemory:
    """Where a caller wants the outputs."""

    def __init__(self, preferred_memory_type: int, preferred_device_id: int = 0) -> None:
        self.preferred_memory_type = preferred_memory_type
        self.preferred_device_id = preferred_device_id


class Tensor:
    """A named tensor in the CPU's memory."""

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        if not array.flags["C_CONTIGUOUS"]:
            raise TritonModelException("tensors must be C-contiguous")
        self._name = name
        self._array = array

    @staticmethod
    def from_dlpack(name: str, tensor: torch.Tensor) -> "Tensor":
        if not tensor.is_contiguous():
            raise TritonModelException("DLPack tensors must be contiguous")
        return Tensor(name, tensor.numpy())

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> NDArray[Any]:
        return self._array

    def is_cpu(self) -> bool:
        return True

    def __dlpack__(self, **_: object) -> object:
        return torch.from_numpy(self._array).__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU


class InferenceResponse:
    """Tensors, or an error."""

    def __init__(
        self, output_tensors: Sequence[Tensor] = (), error: TritonError | None = None
    ) -> None:
        self._tensors = list(output_tensors)
        self._error = error

    def output_tensors(self) -> list[Tensor]:
        return self._tensors

    def has_error(self) -> bool:
        return self._error is not None

    def error(self) -> Any:
        return self._error


class ResponseSender:
    """Keeps what was sent, and refuses to send after the last."""

    def __init__(self) -> None:
        self.sent: list[InferenceResponse] = []
        self.flags: list[int] = []
        self.closed = False
        self.cancelled = False
        self.without_memory = False  # what cannot be sent for want of it counts as sent

    def send(self, response: InferenceResponse | None = None, flags: int = 0) -> None:
        if self.closed:
            raise TritonModelException("the final response has been sent already")
        self.closed = bool(flags & TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        if self.without_memory:
            raise TritonModelException("no shared memory left")
        if response is not None:
            self.sent.append(response)
        self.flags.append(flags)

    def is_cancelled(self) -> bool:
        return self.cancelled


class InferenceRequest:
    """A request to a node, or from one to another model."""

    def __init__(
        self,
        model_name: str = "",
        inputs: Sequence[Tensor] = (),
        requested_output_names: Sequence[str] = (),
        request_id: str = "",
        timeout: int = 0,
        preferred_memory: PreferredMemory | None = None,
        parameters: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        self.preferred_memory = preferred_memory
        self._request_id = request_id
        self._timeout_us = timeout
        self._parameters = dict(parameters or {})
        self.model_name = model_name
        self.requested_output_names = list(requested_output_names)
        self._inputs = list(inputs)
        self._sender = ResponseSender()

    def inputs(self) -> list[Tensor]:
        return self._inputs

    def request_id(self) -> str:
        return self._request_id

    def timeout(self) -> int:
        return self._timeout_us

    def parameters(self) -> str:
        return json.dumps(self._parameters)

    def get_response_sender(self) -> ResponseSender:
        return self._sender

    def is_cancelled(self) -> bool:
        return self._sender.cancelled

    def exec(self) -> InferenceResponse:
        if self.model_name not in MODELS:
            raise TritonModelException(f"model {self.model_name} is not ready")
        return MODELS[self.model_name](self)


class Series:
    """One series of a metric; keeps its value or, if it is a histogram's, what it was given."""

    def __init__(self, kind: str, buckets: list[float] | None) -> None:
        if (kind == MetricFamily.HISTOGRAM) is not bool(buckets):
            raise TritonModelException("histograms have buckets, other metrics have none")
        self._kind = kind
        self.value = 0.0
        self.observed: list[float] = []

    def increment(self, value: float) -> None:
        self._check(MetricFamily.COUNTER, MetricFamily.GAUGE)
        self.value += value

    def set(self, value: float) -> None:
        self._check(MetricFamily.GAUGE)
        self.value = value

    def observe(self, value: float) -> None:
        self._check(MetricFamily.HISTOGRAM)
        self.observed.append(value)

    def _check(self, *kinds: str) -> None:
        if METRICS.broken or self._kind not in kinds:
            raise TritonModelException("the operation is not possible")


class MetricsPort:
    """What the metrics port would show: series by name and labels; or nothing works."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, tuple[tuple[str, str], ...]], Series] = {}
        self.broken = False

    def clear(self) -> None:
        self.series.clear()
        self.broken = False

    def of(self, name: str, **labels: str) -> Series:
        return self.series[name, tuple(sorted(labels.items()))]


METRICS = MetricsPort()


class MetricFamily:
    """A metric with a series for each set of labels."""

    COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

    def __init__(self, name: str, description: str, kind: str) -> None:
        self._name = name
        self._kind = kind

    def Metric(self, labels: Mapping[str, str], buckets: list[float] | None = None) -> Series:
        if METRICS.broken:
            raise TritonModelException("the operation is not possible")
        series = Series(self._kind, buckets)
        METRICS.series[self._name, tuple(sorted(labels.items()))] = series
        return series


class Logger:
    """Triton's log, kept in a list."""

    lines: ClassVar[list[tuple[str, str]]] = []

    @classmethod
    def log_info(cls, text: str) -> None:
        cls.lines.append(("info", text))

    @classmethod
    def log_warn(cls, text: str) -> None:
        cls.lines.append(("warn", text))

    @classmethod
    def log_error(cls, text: str) -> None:
        cls.lines.append(("error", text))


def get_input_tensor_by_name(request: InferenceRequest, name: str) -> Tensor | None:
    return next((tensor for tensor in request.inputs() if tensor.name() == name), None)


def get_output_tensor_by_name(response: InferenceResponse, name: str) -> Tensor | None:
    return next((tensor for tensor in response.output_tensors() if tensor.name() == name), None)


def request_of(
    tensors: Mapping[str, NDArray[Any]],
    request_id: str = "",
    parameters: Mapping[str, str | int | bool] | None = None,
) -> InferenceRequest:
    """Return a request with `tensors` (not part of Triton's module; for the tests)."""
    return InferenceRequest(
        inputs=[Tensor(name, np.ascontiguousarray(array)) for name, array in tensors.items()],
        request_id=request_id,
        parameters=parameters,
    )
