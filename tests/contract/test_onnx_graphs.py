"""The ONNX graphs fit their configs by the rules of Triton's own onnxruntime backend.

The stand-in of the embedded server could be kinder than that backend, which runs in NVIDIA's
container alone: batch dimension symbolic, input dims equal unless symbolic in the graph, output
dims exactly equal.
"""

from pathlib import Path

import onnxruntime
import pytest

from instantid_server.contract import MODELS, ModelSpec

ROOT = Path(__file__).parents[2]
ONNX_TYPES = {"FP32": "tensor(float)"}

ONNX_MODELS = [spec for spec in MODELS.values() if spec.backend == "onnxruntime"]

each_onnx_model = pytest.mark.parametrize("spec", ONNX_MODELS, ids=lambda spec: spec.name)


def load_graph(spec: ModelSpec) -> onnxruntime.InferenceSession:
    path = ROOT / "model_repository" / spec.name / "1" / "model.onnx"
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def dims_of(port: onnxruntime.NodeArg) -> list[int]:
    """Return the dims with -1 for symbolic ones."""
    return [dim if isinstance(dim, int) else -1 for dim in port.shape]


@each_onnx_model
def test_inputs_fit_the_contract(spec: ModelSpec) -> None:
    ports = load_graph(spec).get_inputs()
    assert {port.name for port in ports} == {tensor.name for tensor in spec.inputs}
    for port in ports:
        declared = spec.input(port.name)
        batch, *dims = dims_of(port)
        assert (port.type, batch) == (ONNX_TYPES[declared.dtype], -1)
        assert len(dims) == len(declared.dims)
        assert all(dim in (-1, want) for dim, want in zip(dims, declared.dims, strict=True))


@each_onnx_model
def test_outputs_equal_the_contract(spec: ModelSpec) -> None:
    ports = {port.name: port for port in load_graph(spec).get_outputs()}
    assert {
        tensor.name: (ONNX_TYPES[tensor.dtype], [-1, *tensor.dims]) for tensor in spec.outputs
    } == {name: (port.type, dims_of(port)) for name, port in ports.items()}
