"""SCRFD's graph under the contract's names, taking as many pictures at a time as it can.

insightface's export takes one picture and flattens batch and anchors into one axis:

    convolution [1, anchors * k, h, w] -> Transpose -> Reshape [-1, k] (-> Sigmoid)

The transposition is (0, 2, 3, 1) or, in older exports, (2, 3, 0, 1), where the batch comes in the
midst of the anchors. Both become (0, 2, 3, 1) and Reshape [batch, -1, k]. That the numbers stay
the same is proven by running both graphs; a graph that cannot be freed keeps its batch of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from instantid_server.contract import FACE_DETECTOR
from instantid_server.importing.batch_axis import free_batch_axis
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.onnx_graph import (
    RUNTIME_ERRORS,
    Runner,
    add_integers,
    copy_model,
    dims_of,
    producers,
    read_model,
    rename_ports,
)

DETECTION_SIZE_PX = 640  # of InstantID's infer.py, and the size that antelopev2 was made for
TOLERANCE = 1e-5  # relative and absolute; a convolution may add up in another order
_STRIDES = (8, 16, 32)
_ANCHORS = 2  # at each point
_SMALL_PX = 64  # a multiple of every stride, at which the outputs are told apart
_PROOF_SIZES_PX = ((64, 96), (DETECTION_SIZE_PX, DETECTION_SIZE_PX))  # height, width
_PROOF_ROWS = 4
_WIDTHS = {"scores": 1, "bboxes": 4, "keypoints": 10}
_IMAGE = FACE_DETECTOR.inputs[0].name
_AFTER_RESHAPE = ("Sigmoid", "Identity")
_FLATTENING = ([0, 2, 3, 1], [2, 3, 0, 1])

Rows = NDArray[np.float32]  # (pictures, ...)


class _NotBatchable(Exception):
    """The graph keeps its batch of one, and why."""


@dataclass(frozen=True)
class _Answered:
    """Random pictures, and what the original graph says of each."""

    pictures: Rows
    outputs: Mapping[str, Rows]  # by the contract's names; (pictures, anchors, width)


@dataclass(frozen=True)
class RewrittenDetector:
    """What is served as `face_detector`."""

    content: bytes
    max_batch_size: int | None  # None: whatever the profile says
    note: str  # why it takes one picture at a time; empty if it does not


def rewrite(source: Path) -> RewrittenDetector:
    """Return the graph of `source` for the contract; raises ImportFailed if it is no SCRFD."""
    original = read_model(source)
    _check_input(original, source)
    try:
        runner = Runner(original)
        names = _recognise_outputs(runner, source)
        answered = _answer(runner, names, source)
        try:
            batched = _with_batches(original, names)
            _prove(batched, answered, rows_at_once=_PROOF_ROWS)
        except _NotBatchable as reason:
            single = _without_batches(original, names)
            _prove(single, answered, rows_at_once=1)
            note = f"face_detector takes one picture at a time: {reason}"
            return RewrittenDetector(single.SerializeToString(), 1, note)
    except RUNTIME_ERRORS as error:
        raise ImportFailed(f"{source}: onnxruntime cannot run it as a face detector") from error
    except _NotBatchable as reason:
        raise ImportFailed(f"{source}: {reason}") from reason
    return RewrittenDetector(batched.SerializeToString(), None, "")


def _check_input(model: onnx.ModelProto, source: Path) -> None:
    shapes = [dims_of(port) for port in model.graph.input]
    if [len(shape) for shape in shapes] != [4] or shapes[0][1] != 3:
        raise ImportFailed(f"{source}: expected one input [1, 3, height, width], got {shapes}")
    dims = shapes[0]
    if isinstance(dims[2], int) or isinstance(dims[3], int):
        raise ImportFailed(
            f"{source}: it takes pictures of {dims[2]}x{dims[3]} only; antelopev2's takes any size"
        )


def _recognise_outputs(runner: Runner, source: Path) -> dict[str, str]:
    """Return the contract's name of each output, told by their sizes, for names say nothing."""
    found = runner.run(np.zeros((1, 3, _SMALL_PX, _SMALL_PX), np.float32))
    sizes = {}
    for name, array in found.items():
        width = array.shape[-1] if array.ndim else 1
        sizes[name] = (array.size // max(width, 1), width)
    wanted = {
        (_ANCHORS * (_SMALL_PX // stride) ** 2, width): f"{kind}_{stride}"
        for kind, width in _WIDTHS.items()
        for stride in _STRIDES
    }
    if sorted(sizes.values()) != sorted(wanted):
        raise ImportFailed(
            f"{source}: expected SCRFD's nine outputs (scores, boxes and five keypoints on three "
            f"scales), got {len(sizes)}: {', '.join(f'{a}x{b}' for a, b in sizes.values())}"
        )
    return {name: wanted[size] for name, size in sizes.items()}


def _answer(runner: Runner, names: Mapping[str, str], source: Path) -> list[_Answered]:
    """Run the original, which takes one picture at a time, on random pictures."""
    random = np.random.default_rng(0)
    answered = []
    for height, width in _PROOF_SIZES_PX:
        pictures = random.uniform(-1, 1, (_PROOF_ROWS, 3, height, width)).astype(np.float32)
        found = [runner.run(pictures[row : row + 1]) for row in range(_PROOF_ROWS)]
        outputs = {
            ours: np.stack([one[name].reshape(-1, one[name].shape[-1]) for one in found])
            for name, ours in names.items()
        }
        scores = np.concatenate([outputs[f"scores_{stride}"] for stride in _STRIDES], axis=1)
        if scores.min() < 0 or scores.max() > 1:
            raise ImportFailed(f"{source}: its scores leave 0 to 1; expected them behind a sigmoid")
        answered.append(_Answered(pictures, outputs))
    return answered


def _with_batches(original: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    model = copy_model(original)
    for name, ours in names.items():
        _free_branch(model.graph, name, _WIDTHS[ours.split("_")[0]])
    free_batch_axis(model.graph)
    _rename(model, names)
    return model


def _free_branch(graph: onnx.GraphProto, output: str, width: int) -> None:
    """Let the end of one branch give [batch, anchors, width]."""
    made_by = producers(graph)
    node = made_by[output]
    while node.op_type in _AFTER_RESHAPE:
        node = made_by[node.input[0]]
    if node.op_type != "Reshape":
        raise _NotBatchable(f"output {output} comes from {node.op_type}, not from a Reshape")
    transpose = made_by.get(node.input[0])
    if transpose is None or transpose.op_type != "Transpose":
        raise _NotBatchable(f"output {output} is not transposed before it is flattened")
    order = next((a for a in transpose.attribute if a.name == "perm"), None)
    if order is None or list(order.ints) not in _FLATTENING:
        raise _NotBatchable(f"output {output} is transposed in a way that no known export has")
    order.ints[:] = _FLATTENING[0]
    node.input[1] = add_integers(graph, f"{output}::shape", [0, -1, width])


def _without_batches(original: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """Give each output a leading axis of one.

    It is computed from the input: Triton wants it symbolic, and the runtime would see through a
    constant.
    """
    model = copy_model(original)
    graph = model.graph
    rows = f"{_IMAGE}::rows"
    first = add_integers(graph, f"{rows}::first", [0])
    entering = graph.input[0].name
    graph.node.append(helper.make_node("Shape", [entering], [f"{rows}::shape"]))
    graph.node.append(helper.make_node("Gather", [f"{rows}::shape", first], [rows]))
    leaving = {}
    for name, ours in names.items():
        rest = add_integers(graph, f"{ours}::rest", [-1, _WIDTHS[ours.split("_")[0]]])
        graph.node.append(helper.make_node("Concat", [rows, rest], [f"{ours}::shape"], axis=0))
        graph.node.append(helper.make_node("Reshape", [name, f"{ours}::shape"], [f"{ours}::row"]))
        leaving[f"{ours}::row"] = ours
    _rename(model, leaving)
    return model


def _rename(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    entering = model.graph.input[0].name
    rename_ports(
        model,
        {entering: (_IMAGE, ("batch", 3, "height", "width"))},
        {
            name: (ours, ("batch", f"anchors_{stride}", _WIDTHS[kind]))
            for name, ours in names.items()
            for kind, stride in [ours.split("_")]
        },
    )


def _prove(model: onnx.ModelProto, answered: Sequence[_Answered], rows_at_once: int) -> None:
    """Raise _NotBatchable if the new graph answers otherwise, alone or with others."""
    try:
        runner = Runner(model)
        for known in answered:
            for rows in sorted({1, rows_at_once}):
                _compare(runner, known, rows)
    except RUNTIME_ERRORS as error:
        raise _NotBatchable("onnxruntime does not run the rewritten graph") from error


def _compare(runner: Runner, known: _Answered, rows: int) -> None:
    for start in range(0, len(known.pictures), rows):
        found = runner.run(known.pictures[start : start + rows])
        for name, expected in known.outputs.items():
            same = expected[start : start + rows]
            if found[name].shape != same.shape or not np.allclose(
                found[name], same, rtol=TOLERANCE, atol=TOLERANCE
            ):
                raise _NotBatchable(f"{name} of {rows} pictures differs from that of each alone")
