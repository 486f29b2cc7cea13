"""An ONNX graph under onnxruntime, held to the rules of Triton's C++ backend.

That backend compares the config with the graph when it loads a model, and so does this one: what is
accepted here loads there too. The rules are those of its `CompareDimsSupported`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from instantid_server.contract import ModelSpec, TensorSpec
from instantid_server.node import Array, Outcome, Tensors
from instantid_server.settings import SettingsError

_TRITON_TYPES = {
    "tensor(bool)": "BOOL",
    "tensor(double)": "FP64",
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(int8)": "INT8",
    "tensor(string)": "BYTES",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(uint8)": "UINT8",
}
WARM_UP_SIZE = 64  # where a dim is open: whatever SCRFD's strides of 8, 16 and 32 divide
_CONFIG_TYPES = {"STRING": "BYTES"}  # where the name in a config differs from that on the wire


class OnnxModel:
    """A loaded graph; refuses to load when the config says anything that the graph does not."""

    from_dlpack: Callable[[object], Array] | None = None  # takes numpy arrays

    def __init__(
        self, model_path: Path, declared: ModelSpec, num_threads: int = 0, device: str = "cpu"
    ) -> None:
        """Load the graph; 0 threads: as many as there are cores; `device`: cpu or cuda:<id>."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        # Waiting threads of one stage must not take the cores of another.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(model_path), options, providers=[_provider(device)]
        )
        _check_inputs(declared, self._session.get_inputs())
        _check_outputs(declared, self._session.get_outputs())
        self._inputs = declared.inputs
        self._outputs = [spec.name for spec in declared.outputs]
        self._batches = declared.batches

    def warm_up(self, max_batch_size: int) -> None:
        """Run once on one row, and on as many as it may get."""
        for rows in sorted({1, max(max_batch_size, 1)}):
            self.run([self._zeros(rows)])

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Answer each request in order; those whose shapes agree past the batch share a run."""
        groups: dict[object, list[int]] = {}
        for index, request in enumerate(requests):
            key = _row_shapes(request) if self._batches else index
            groups.setdefault(key, []).append(index)
        answers: dict[int, Outcome] = {}
        for members in groups.values():
            found = self._run_together([requests[index] for index in members])
            answers.update(zip(members, found, strict=True))
        return [answers[index] for index in range(len(requests))]

    def _run_together(self, requests: Sequence[Tensors]) -> list[Outcome]:
        if len(requests) == 1:
            outputs = self._session.run(self._outputs, dict(requests[0]))
            return [dict(zip(self._outputs, outputs, strict=True))]
        names = list(requests[0])
        joined = {name: np.concatenate([request[name] for request in requests]) for name in names}
        outputs = self._session.run(self._outputs, joined)
        ends = np.cumsum([len(request[names[0]]) for request in requests])[:-1]
        split = [np.split(output, ends) for output in outputs]
        return [dict(zip(self._outputs, rows, strict=True)) for rows in zip(*split, strict=True)]

    def _zeros(self, rows: int) -> Tensors:
        batch = (rows,) if self._batches else ()
        return {
            spec.name: np.zeros(
                (*batch, *(WARM_UP_SIZE if dim == -1 else dim for dim in spec.dims)),
                dtype=spec.dtype.lower().replace("fp", "float"),  # FP32 is numpy's float32
            )
            for spec in self._inputs
        }


def read_declaration(config: Mapping[str, Any]) -> ModelSpec:
    """Return the tensors of a model config, given as the JSON that Triton hands to a backend."""
    return ModelSpec(
        config["name"],
        "onnxruntime",
        inputs=tuple(_read_tensor(tensor) for tensor in config["input"]),
        outputs=tuple(_read_tensor(tensor) for tensor in config["output"]),
        batches=int(config["max_batch_size"]) > 0,
    )


def _read_tensor(tensor: Mapping[str, Any]) -> TensorSpec:
    dtype = tensor["data_type"].removeprefix("TYPE_")
    dims = tuple(int(dim) for dim in tensor["dims"])
    return TensorSpec(tensor["name"], _CONFIG_TYPES.get(dtype, dtype), dims)


def _provider(device: str) -> str | tuple[str, dict[str, str]]:
    if device == "cpu":
        return "CPUExecutionProvider"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise SettingsError(
            f"instance_group: {device} is asked for, but the onnxruntime that is installed has no "
            "CUDA; install onnxruntime-gpu, or use KIND_CPU"
        )
    return "CUDAExecutionProvider", {"device_id": device.removeprefix("cuda:")}


def _row_shapes(request: Tensors) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((name, array.shape[1:]) for name, array in sorted(request.items()))


def _check_inputs(declared: ModelSpec, graph: Sequence[Any]) -> None:
    names = {tensor.name for tensor in graph}
    if missing := sorted(names - {spec.name for spec in declared.inputs}):
        raise SettingsError(f"input {missing[0]}: the graph needs it, the config does not name it")
    for spec in declared.inputs:
        tensor = _find(spec, graph, "input")
        _check_tensor(spec, tensor, "input", declared.batches, symbolic_takes_any=True)


def _check_outputs(declared: ModelSpec, graph: Sequence[Any]) -> None:
    for spec in declared.outputs:
        tensor = _find(spec, graph, "output")
        _check_tensor(spec, tensor, "output", declared.batches, symbolic_takes_any=False)


def _find(spec: TensorSpec, graph: Sequence[Any], kind: str) -> Any:
    found = next((tensor for tensor in graph if tensor.name == spec.name), None)
    if found is None:
        names = ", ".join(sorted(tensor.name for tensor in graph))
        raise SettingsError(f"{kind} {spec.name}: the config names it, the graph has {names}")
    return found


def _check_tensor(
    spec: TensorSpec, tensor: Any, kind: str, batches: bool, *, symbolic_takes_any: bool
) -> None:
    dtype = _TRITON_TYPES.get(tensor.type, tensor.type)
    if spec.dtype != dtype:
        raise SettingsError(f"{kind} {spec.name}: the graph has {dtype}, the config {spec.dtype}")
    shape = tuple(dim if isinstance(dim, int) else -1 for dim in tensor.shape)
    if batches and shape[:1] != (-1,):
        raise SettingsError(
            f"{kind} {spec.name}: with a max_batch_size the graph's first dimension must be "
            f"symbolic, its shape is {list(shape)}"
        )
    expected = (-1, *spec.dims) if batches else spec.dims
    agrees = len(shape) == len(expected) and all(
        own == dim or (symbolic_takes_any and own == -1)
        for own, dim in zip(shape, expected, strict=True)
    )
    if not agrees:
        raise SettingsError(
            f"{kind} {spec.name}: the graph has the shape {list(shape)}, the config, "
            f"{'batch included, ' if batches else ''}{list(expected)}"
        )
