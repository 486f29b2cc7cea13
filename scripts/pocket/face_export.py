"""Export of detector and recogniser: ONNX files whose weights lie in half precision."""

import os
import warnings
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from scripts.pocket.networks import Detector, Recogniser

_OPSET = 17
_SMALLEST_HALVED = 256  # numbers; shorter tensors (norms, shapes) stay as they are
_DETECTOR_OUTPUTS = [
    f"{kind}_{stride}" for kind in ("scores", "bboxes", "keypoints") for stride in Detector.STRIDES
]


def export_face_networks(detector: Detector, recogniser: Recogniser, repository: Path) -> None:
    """Write the two ONNX files."""
    save_onnx(
        detector,
        torch.zeros(1, 3, 192, 192),
        repository / "face_detector" / "1" / "model.onnx",
        {"image": {0: "batch", 2: "height", 3: "width"}},
        {name: {0: "batch", 1: f"anchors_{name.split('_')[1]}"} for name in _DETECTOR_OUTPUTS},
    )
    save_onnx(
        recogniser,
        torch.zeros(1, 3, 112, 112),
        repository / "face_embedder" / "1" / "model.onnx",
        {"aligned_face": {0: "batch"}},
        {"face_embedding": {0: "batch"}},
    )


def save_onnx(
    network: nn.Module,
    example: Tensor,
    path: Path,
    inputs: dict[str, dict[int, str]],
    outputs: dict[str, dict[int, str]],
) -> None:
    """Write a network as an ONNX file, its large weights in half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with warnings.catch_warnings():
        # Its successor asks for one package more and writes no opset 17.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(),
            (example,),
            str(part),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=inputs | outputs,
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(part)
    _halve_weights(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, part)
    os.replace(part, path)


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Keep large weights as float16 with a cast behind them; the runtime folds it at load."""
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _SMALLEST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
