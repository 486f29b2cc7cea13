"""Import of detector and recogniser from their ONNX files: the twin of `face_export`.

The export folds every batch norm into the convolution before it. What comes back computes the same,
by convolutions whose norms do nothing, and can be exported again; only training needs more.
"""

from pathlib import Path
from typing import TypeVar

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from scripts.pocket.networks import Detector, Recogniser

_FOLDED = "onnx::Conv_"  # how the export names what has no name in the network any more

NetworkT = TypeVar("NetworkT", Detector, Recogniser)


def import_detector(repository: Path) -> Detector:
    """Return the detector of a model repository."""
    return _filled(Detector(), repository / "face_detector" / "1" / "model.onnx")


def import_recogniser(repository: Path) -> Recogniser:
    """Return the recogniser of a model repository."""
    return _filled(Recogniser(), repository / "face_embedder" / "1" / "model.onnx")


def _filled(network: NetworkT, path: Path) -> NetworkT:
    """Fill a network; raise ValueError if the file is of another."""
    graph = onnx.load(path).graph
    tensors = {
        tensor.name.removesuffix(".half"): torch.from_numpy(
            numpy_helper.to_array(tensor).astype("float32")
        )
        for tensor in graph.initializer
    }
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    tensors |= {copy: tensors[name] for copy, name in same.items() if name in tensors}
    state = {name: tensor for name, tensor in tensors.items() if not name.startswith(_FOLDED)}
    folded = {
        same.get(node.input[1], node.input[1]): node.input[2]  # one that is used thrice comes once
        for node in graph.node
        if node.op_type == "Conv" and node.input[1].startswith(_FOLDED)
    }
    # They come in the order of computing, which is that of the network's parts.
    convolutions = [
        name
        for name, part in network.named_modules()
        if isinstance(part, nn.Sequential) and _is_normed_convolution(part)
    ]
    if len(folded) != len(convolutions):
        raise ValueError(
            f"{path.name}: expected {len(convolutions)} convolutions with a norm, "
            f"found {len(folded)}"
        )
    for name, (weight, bias) in zip(convolutions, folded.items(), strict=True):
        state |= {f"{name}.0.weight": tensors[weight], **_idle_norm(f"{name}.1", tensors[bias])}
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = value
    network.load_state_dict(state)
    return network.eval()


def _is_normed_convolution(part: nn.Sequential) -> bool:
    return len(part) >= 2 and isinstance(part[0], nn.Conv2d) and isinstance(part[1], nn.BatchNorm2d)


def _idle_norm(name: str, bias: Tensor) -> dict[str, Tensor]:
    """Return the tensors of a batch norm that adds a bias and does nothing else."""
    return {
        f"{name}.weight": torch.ones_like(bias),
        f"{name}.bias": bias,
        f"{name}.running_mean": torch.zeros_like(bias),
        f"{name}.running_var": torch.full_like(bias, 1 - nn.BatchNorm2d(1).eps),
    }
