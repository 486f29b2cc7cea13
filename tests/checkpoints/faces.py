"""antelopev2 in miniature: two ONNX files with the real names and ports, random inside."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OUTPUTS = {  # the real names: scores, boxes, keypoints on each of three scales
    8: ("448", "451", "454"),
    16: ("471", "474", "477"),
    32: ("494", "497", "500"),
}
_WIDTHS = (1, 4, 10)
_ANCHORS = 2
_CHANNELS = 8
_NOTHING_FOUND = -6.0  # bias of the scores, so that a random detector sees no faces
_OPSET = 11  # of the real exports


@dataclass(frozen=True)
class ScrfdForm:
    """How an export of SCRFD looks."""

    permutation: tuple[int, ...] = (0, 2, 3, 1)  # older ones: (2, 3, 0, 1)
    sizes: str = "computed"  # where Resize takes batch and channels: "computed", "baked"
    norm: str = "none"  # "group": through a Reshape that names the batch
    tail: str = "flat"  # "squeezed": no batch to give back; "joint": rows see each other
    size_px: int | None = None  # None: any


class _Graph:
    """Nodes and weights as they come."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []

    def constant(self, name: str, values: NDArray[np.generic] | list[int]) -> str:
        array = np.array(values, np.int64) if isinstance(values, list) else values
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolve(
        self, source: str, output: str, channels: tuple[int, int], stride: int, bias: float = 0.0
    ) -> str:
        entering, leaving = channels
        drawn = self._random.normal(0, (9 * entering) ** -0.5, (leaving, entering, 3, 3))
        weight = self.constant(f"{output}.weight", drawn.astype(np.float32))
        added = self.constant(f"{output}.bias", np.full(leaving, bias, np.float32))
        return self.add(
            "Conv", [source, weight, added], output, strides=[stride, stride], pads=[1, 1, 1, 1]
        )


def scrfd(form: ScrfdForm | None = None, seed: int = 0) -> onnx.ModelProto:
    """Return a detector with SCRFD's structure: three joined scales, three heads each."""
    form = form or ScrfdForm()
    graph = _Graph(seed)
    level, levels = "input.1", {}
    for stride in (2, 4, 8, 16, 32):
        channels = (3 if stride == 2 else _CHANNELS, _CHANNELS)
        level = graph.add(
            "Relu", [graph.convolve(level, f"conv_{stride}", channels, 2)], f"level_{stride}"
        )
        levels[stride] = level
    levels[16] = _join(graph, levels[16], levels[32], form.sizes)
    levels[8] = _join(graph, levels[8], levels[16], form.sizes)
    for stride, names in OUTPUTS.items():
        feature = _group_norm(graph, levels[stride]) if form.norm == "group" else levels[stride]
        for name, width in zip(names, _WIDTHS, strict=True):
            _head(graph, feature, name, width, form.tail, form.permutation)
    size: int | str = "?" if form.size_px is None else form.size_px
    entering = [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, size, size])]
    leaving = [
        # As in the real file: the sizes at 640, whatever comes in.
        helper.make_tensor_value_info(
            OUTPUTS[stride][kind],
            TensorProto.FLOAT,
            [_ANCHORS * (640 // stride) ** 2, _WIDTHS[kind]],
        )
        for kind in range(len(_WIDTHS))
        for stride in OUTPUTS
    ]
    return _model(graph, entering, leaving)


def _join(graph: _Graph, fine: str, coarse: str, sizes: str) -> str:
    """Add the coarse scale to the fine one, as a feature pyramid does."""
    own = f"{fine}/joined"
    shape = graph.add("Shape", [fine], f"{own}/shape")
    picture = graph.add(
        "Gather", [shape, graph.constant(f"{own}/hw", [2, 3])], f"{own}/height_width"
    )
    if sizes == "baked":
        rows = graph.constant(f"{own}/rows", [1, _CHANNELS])
    else:
        rows = graph.add("Gather", [shape, graph.constant(f"{own}/nc", [0, 1])], f"{own}/rows")
    wanted = graph.add("Concat", [rows, picture], f"{own}/sizes", axis=0)
    scales = graph.constant(f"{own}/none", np.zeros(0, np.float32))
    larger = graph.add(
        "Resize",
        [coarse, scales, scales, wanted],
        f"{own}/larger",
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return graph.add("Add", [fine, larger], own)


def _group_norm(graph: _Graph, feature: str) -> str:
    """Normalise as torch exports it: to groups and back, with the batch named on the way back."""
    own = f"{feature}/norm"
    groups = graph.add(
        "Reshape", [feature, graph.constant(f"{own}/groups", [1, 2, -1])], f"{own}/grouped"
    )
    ones = graph.constant(f"{own}/ones", np.ones(2, np.float32))
    zeros = graph.constant(f"{own}/zeros", np.zeros(2, np.float32))
    normed = graph.add("InstanceNormalization", [groups, ones, zeros], f"{own}/normed")
    shape = graph.add("Shape", [feature], f"{own}/shape")
    rest = graph.add("Gather", [shape, graph.constant(f"{own}/chw", [1, 2, 3])], f"{own}/rest")
    batch = graph.constant(f"{own}/batch", [1])
    back = graph.add("Concat", [batch, rest], f"{own}/back", axis=0)
    return graph.add("Reshape", [normed, back], f"{own}/out")


def _head(
    graph: _Graph, feature: str, name: str, width: int, tail: str, permutation: tuple[int, ...]
) -> None:
    bias = _NOTHING_FOUND if width == 1 else 0.0
    made = graph.convolve(feature, f"{name}/conv", (_CHANNELS, _ANCHORS * width), 1, bias)
    if tail == "joint":
        mean = graph.add("ReduceMean", [made], f"{name}/mean", axes=[0], keepdims=1)
        made = graph.add("Sub", [made, mean], f"{name}/joint")
    if tail == "squeezed":
        made = graph.add("Squeeze", [made], f"{name}/squeezed", axes=[0])
        permutation = (1, 2, 0)
    moved = graph.add("Transpose", [made], f"{name}/moved", perm=permutation)
    shape = graph.constant(f"{name}/shape", [-1, width])
    flat = graph.add("Reshape", [moved, shape], f"{name}/flat" if width == 1 else name)
    if width == 1:
        graph.add("Sigmoid", [flat], name)


def recogniser(
    entering: str = "input.1", size: int = 512, batch: int | str = "None", seed: int = 0
) -> onnx.ModelProto:
    """Return a recogniser with ArcFace's input and output."""
    graph = _Graph(seed)
    coarse = graph.convolve(entering, "conv", (3, 4), 16)
    flat = graph.add("Flatten", [coarse], "flat", axis=1)
    drawn = np.random.default_rng(seed).normal(0, 0.1, (4 * 7 * 7, size)).astype(np.float32)
    graph.add("MatMul", [flat, graph.constant("last", drawn)], "1333")
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *dims])
        for name, dims in ((entering, (3, 112, 112)), ("1333", (size,)))
    ]
    return _model(graph, ports[:1], ports[1:])


def _model(
    graph: _Graph, entering: list[onnx.ValueInfoProto], leaving: list[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    made = helper.make_graph(graph.nodes, "antelopev2", entering, leaving, graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=6)


def write_antelopev2(folder: Path, seed: int = 0) -> None:
    """Write both files; their digests are not antelopev2's, so an import has to be told so."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(scrfd(seed=seed), folder / "scrfd_10g_bnkps.onnx")
    onnx.save(recogniser(seed=seed), folder / "glintr100.onnx")
