"""The recogniser's graph under the contract's names; what they are in the file is read from it."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from instantid_server.contract import FACE_EMBEDDER
from instantid_server.importing.batch_axis import free_batch_axis
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.onnx_graph import (
    RUNTIME_ERRORS,
    Runner,
    copy_model,
    dims_of,
    read_model,
    rename_ports,
)

TOLERANCE = 1e-5  # relative to the embedding's largest number
_PROOF_ROWS = 4
_FACE = FACE_EMBEDDER.inputs[0]
_EMBEDDING = FACE_EMBEDDER.outputs[0]


def rewrite(source: Path) -> bytes:
    """Return the graph of `source` for the contract; raises ImportFailed if it is no ArcFace."""
    original = read_model(source)
    _check_ports(original, source)
    model = copy_model(original)
    free_batch_axis(model.graph)
    rename_ports(
        model,
        {model.graph.input[0].name: (_FACE.name, ("batch", *_FACE.dims))},
        {model.graph.output[0].name: (_EMBEDDING.name, ("batch", *_EMBEDDING.dims))},
    )
    _prove(original, model, source)
    content: bytes = model.SerializeToString()
    return content


def _check_ports(model: onnx.ModelProto, source: Path) -> None:
    ports = [*model.graph.input, *model.graph.output]
    shapes = [dims_of(port)[1:] for port in ports]
    types = {port.type.tensor_type.elem_type for port in ports}
    if shapes != [[*_FACE.dims], [*_EMBEDDING.dims]] or types != {TensorProto.FLOAT}:
        raise ImportFailed(
            f"{source}: expected an FP32 recogniser, [N, 3, 112, 112] to [N, 512]; its inputs and "
            f"outputs are {', '.join(f'{port.name} {dims_of(port)}' for port in ports)}"
        )


def _prove(original: onnx.ModelProto, model: onnx.ModelProto, source: Path) -> None:
    """Compare a batch of faces with the same faces one by one, as the file came."""
    random = np.random.default_rng(0)
    faces = random.uniform(-1, 1, (_PROOF_ROWS, *_FACE.dims)).astype(np.float32)
    try:
        before = Runner(original)
        alone = [_embed(before, faces[row : row + 1]) for row in range(_PROOF_ROWS)]
        expected = np.concatenate(alone)
        together = _embed(Runner(model), faces)
    except RUNTIME_ERRORS as error:
        raise ImportFailed(f"{source}: onnxruntime cannot run it on several faces") from error
    allowed = TOLERANCE * max(float(np.abs(expected).max()), 1.0)
    if together.shape != expected.shape or np.abs(together - expected).max() > allowed:
        raise ImportFailed(f"{source}: faces in one batch get other embeddings than alone")


def _embed(runner: Runner, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    (embeddings,) = runner.run(faces).values()
    return embeddings
