"""The batch axis of a graph that was exported from one picture, made free."""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from instantid_server.importing.onnx_graph import (
    add_integers,
    constants,
    producers,
    replace_nodes,
)

_SIZES = 3  # place of Resize's `sizes` among its inputs
_BATCH_AND_CHANNELS = (0, 1)
_HEIGHT_AND_WIDTH = (2, 3)

Constants = Mapping[str, NDArray[np.generic]]


def free_batch_axis(graph: onnx.GraphProto) -> None:
    """Take the batch that the exporter saw, one, out of every Resize and Reshape.

    Whether that was all there was has to be proven by running the graph.
    """
    known = constants(graph)
    made_by = producers(graph)
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Resize":
            nodes.extend(_free_resize(graph, node))
        elif node.op_type == "Reshape":
            nodes.extend(_free_reshape(graph, node, known, made_by))
        nodes.append(node)
    replace_nodes(graph, nodes)


def _free_resize(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Take batch and channels, which no picture's resizing changes, from the resized itself."""
    sizes = node.input[_SIZES] if len(node.input) > _SIZES else ""
    if not sizes or any(attribute.name == "axes" for attribute in node.attribute):
        return []  # by scales, or of some axes only: the batch is not named
    own = f"{node.output[0]}::freed"
    first = add_integers(graph, f"{own}::first", _BATCH_AND_CHANNELS)
    last = add_integers(graph, f"{own}::last", _HEIGHT_AND_WIDTH)
    node.input[_SIZES] = f"{own}::sizes"
    return [
        helper.make_node("Shape", [node.input[0]], [f"{own}::shape"]),
        helper.make_node("Gather", [f"{own}::shape", first], [f"{own}::rows"]),
        helper.make_node("Gather", [sizes, last], [f"{own}::picture"]),
        helper.make_node("Concat", [f"{own}::rows", f"{own}::picture"], [f"{own}::sizes"], axis=0),
    ]


def _free_reshape(
    graph: onnx.GraphProto,
    node: onnx.NodeProto,
    known: Constants,
    made_by: Mapping[str, onnx.NodeProto],
) -> list[onnx.NodeProto]:
    """Let a leading 1 mean "as it comes", which Reshape writes as 0."""
    reshaped, shape = node.input
    if reshaped in known:
        return []  # weights have no batch
    freed = f"{node.output[0]}::freed"
    if shape in known:
        values = known[shape].tolist()
        if len(values) > 1 and values[0] == 1:
            node.input[1] = add_integers(graph, freed, [0, *values[1:]])
        return []
    parts = made_by.get(shape)
    if parts is None or parts.op_type != "Concat":
        return []
    if parts.input[0] not in known or known[parts.input[0]].tolist() != [1]:
        return []
    start = add_integers(graph, f"{freed}::start", [0])
    node.input[1] = freed
    return [helper.make_node("Concat", [start, *parts.input[1:]], [freed], axis=0)]
