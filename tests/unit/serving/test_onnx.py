"""The onnxruntime stand-in loads what Triton's C++ backend would load, and batches what it can."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from instantid_server.contract import ModelSpec, TensorSpec
from instantid_server.settings import SettingsError
from instantid_server.stages.onnx import OnnxModel, read_declaration

INPUT = TensorSpec("x", "FP32", (-1, 2))
OUTPUT = TensorSpec("y", "FP32", (-1, 2))


def declaration(
    given: TensorSpec = INPUT, taken: TensorSpec = OUTPUT, batches: bool = True
) -> ModelSpec:
    return ModelSpec("m", "onnxruntime", inputs=(given,), outputs=(taken,), batches=batches)


@pytest.fixture(scope="module")
def doubler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph with y = x + x on [batch, n, 2]."""
    return write_graph(tmp_path_factory.mktemp("graph"), ["batch", "n", 2])


def write_graph(folder: Path, shape: list[Any]) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubler",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    # Both older than onnx's newest, which may be newer than what onnxruntime reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


def rows(*shape: int) -> NDArray[np.float32]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_requests_of_one_shape_and_ragged_ones_are_answered_in_order(doubler: Path) -> None:
    model = OnnxModel(doubler, declaration(), num_threads=1)
    inputs = [rows(1, 3, 2), rows(2, 5, 2), rows(2, 3, 2)]
    answers = model.run([{"x": array} for array in inputs])
    for array, answer in zip(inputs, answers, strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_array_equal(answer["y"], 2 * array)


def test_model_without_batching_runs_each_request_alone(tmp_path: Path) -> None:
    path = write_graph(tmp_path, ["n", 2])
    model = OnnxModel(path, declaration(batches=False), num_threads=1)
    answers = model.run([{"x": rows(1, 2)}, {"x": rows(3, 2)}])
    assert [np.shape(answer["y"]) for answer in answers if isinstance(answer, dict)] == [
        (1, 2),
        (3, 2),
    ]


def test_input_may_be_narrower_where_the_graph_is_symbolic(doubler: Path) -> None:
    OnnxModel(doubler, declaration(given=TensorSpec("x", "FP32", (7, 2))), num_threads=1)


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        pytest.param(
            declaration(given=TensorSpec("x", "FP16", (-1, 2))),
            "input x: the graph has FP32, the config FP16",
            id="input-type",
        ),
        pytest.param(
            declaration(given=TensorSpec("x", "FP32", (-1, -1))),
            r"input x: the graph has the shape \[-1, -1, 2\], .* \[-1, -1, -1\]",
            id="input-wider-than-the-graph",
        ),
        pytest.param(
            declaration(given=TensorSpec("z", "FP32", (-1, 2))),
            "input x: the graph needs it",
            id="input-missing",
        ),
        pytest.param(
            declaration(taken=TensorSpec("z", "FP32", (-1, 2))),
            "output z: the config names it, the graph has y",
            id="output-unknown",
        ),
        pytest.param(
            declaration(taken=TensorSpec("y", "FP32", (7, 2))),
            r"output y: the graph has the shape \[-1, -1, 2\], .* \[-1, 7, 2\]",
            id="output-fixed-where-symbolic",
        ),
        pytest.param(
            declaration(taken=TensorSpec("y", "FP32", (2,))),
            "output y: the graph has the shape",
            id="output-rank",
        ),
    ],
)
def test_config_that_differs_from_the_graph_is_refused(
    doubler: Path, declared: ModelSpec, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        OnnxModel(doubler, declared, num_threads=1)


def test_graph_with_a_fixed_batch_is_refused_when_the_config_batches(tmp_path: Path) -> None:
    path = write_graph(tmp_path, [1, "n", 2])
    with pytest.raises(SettingsError, match="input x: with a max_batch_size"):
        OnnxModel(path, declaration(), num_threads=1)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="has a GPU provider"
)
def test_gpu_is_refused_where_onnxruntime_has_none(doubler: Path) -> None:
    with pytest.raises(SettingsError, match="cuda:1 is asked for"):
        OnnxModel(doubler, declaration(), num_threads=1, device="cuda:1")


def test_declaration_is_read_from_the_config_that_triton_hands_over() -> None:
    config = {
        "name": "m",
        "max_batch_size": 4,
        "input": [{"name": "x", "data_type": "TYPE_STRING", "dims": ["-1", 2]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [-1, 2]}],
    }
    assert read_declaration(config) == declaration(given=TensorSpec("x", "BYTES", (-1, 2)))
