"""An ONNX graph: read from a file nobody vouches for, edited, run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from instantid_server.importing.failure import ImportFailed

# What onnxruntime raises where a graph is invalid or does not take its inputs; no common base.
RUNTIME_ERRORS = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.NotImplemented,
    runtime.RuntimeException,
)
_FIRST_IR_WITH_PLAIN_WEIGHTS = 4  # before it, every weight had to be an input as well
_ERRORS_ONLY = 3  # onnxruntime's severity; it warns of sizes that the file declares wrongly
_TOKEN_OF_GIT_LFS = b"version https://git-lfs"

Dims = Sequence[int | str]  # a word for what a caller chooses


def read_model(path: Path) -> onnx.ModelProto:
    """Return the model of a file that carries all of its weights itself."""
    with path.open("rb") as file:
        if file.read(len(_TOKEN_OF_GIT_LFS)) == _TOKEN_OF_GIT_LFS:
            raise ImportFailed(f"{path}: this is Git LFS's pointer to the file; run `git lfs pull`")
    try:
        # Weights in other files are never followed: their paths could lead anywhere.
        model = onnx.load(path, load_external_data=False)
        if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
            raise ImportFailed(f"{path}: its weights lie in other files; save it as one file")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise ImportFailed(f"{path}: this is no ONNX file, or a broken one") from error
    _drop_weights_from_inputs(model)
    return model


def _drop_weights_from_inputs(model: onnx.ModelProto) -> None:
    """Keep weights that a caller could replace from hindering the runtime's optimisations."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [port for port in model.graph.input if port.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, _FIRST_IR_WITH_PLAIN_WEIGHTS)


def copy_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model of its own that can be edited."""
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def dims_of(port: onnx.ValueInfoProto) -> list[int | str]:
    """Return a port's dims; those that a caller chooses as their name, or "?"."""
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
        for dim in port.type.tensor_type.shape.dim
    ]


def producers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """Return the node behind each tensor that a node makes."""
    return {name: node for node in graph.node for name in node.output}


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.generic]]:
    """Return the tensors that no input changes, by their name."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def add_integers(graph: onnx.GraphProto, name: str, values: Sequence[int]) -> str:
    """Add a constant vector and return its name."""
    graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    return name


def replace_nodes(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Give the graph these nodes instead of its own, which may be among them."""
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)


def rename_ports(
    model: onnx.ModelProto,
    inputs: Mapping[str, tuple[str, Dims]],
    outputs: Mapping[str, tuple[str, Dims]],
) -> None:
    """Give each input and output a new name and new dims; all of them are FP32.

    Inside, the old names stay: an Identity, which the runtime drops, stands between the two.
    """
    graph = model.graph
    entering = _joints((new, old) for old, (new, _) in inputs.items())
    leaving = _joints((old, new) for old, (new, _) in outputs.items())
    replace_nodes(graph, [*entering, *graph.node, *leaving])
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend(_port(name, dims) for name, dims in inputs.values())
    graph.output.extend(_port(name, dims) for name, dims in outputs.values())


def _joints(pairs: Iterable[tuple[str, str]]) -> list[onnx.NodeProto]:
    return [helper.make_node("Identity", [old], [new]) for old, new in pairs if old != new]


def _port(name: str, dims: Dims) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(dims))


class Runner:
    """A graph in the runtime, on the CPU."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Load it; raises one of RUNTIME_ERRORS."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._outputs = [port.name for port in self._session.get_outputs()]

    def run(self, rows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return every output for the one input; raises one of RUNTIME_ERRORS."""
        answers = self._session.run(self._outputs, {self._input: rows})
        return dict(zip(self._outputs, answers, strict=True))
