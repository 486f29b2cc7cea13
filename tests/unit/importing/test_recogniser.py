"""The recogniser keeps its numbers and gets the contract's names."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from instantid_server.contract import FACE_EMBEDDER
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.onnx_graph import Runner
from instantid_server.importing.recogniser import rewrite
from instantid_server.stages.onnx import OnnxModel
from tests.checkpoints.faces import recogniser


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "glintr100.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("entering", ["input.1", "data", "aligned_face"])
def test_names_are_read_from_the_file_and_numbers_stay(tmp_path: Path, entering: str) -> None:
    original = recogniser(entering)
    served = tmp_path / "model.onnx"
    served.write_bytes(rewrite(save(original, tmp_path)))
    faces = np.random.default_rng(1).uniform(-1, 1, (3, 3, 112, 112)).astype(np.float32)
    model = OnnxModel(served, FACE_EMBEDDER, num_threads=1)  # checks names, types and dims
    (answer,) = model.run([{"aligned_face": faces}])
    assert isinstance(answer, dict)
    np.testing.assert_allclose(
        answer["face_embedding"], Runner(original).run(faces)["1333"], rtol=1e-5, atol=1e-5
    )


def test_an_export_of_one_face_takes_several(tmp_path: Path) -> None:
    content = rewrite(save(recogniser(batch=1), tmp_path))
    faces = np.zeros((5, 3, 112, 112), np.float32)
    assert Runner(onnx.load_from_string(content)).run(faces)["face_embedding"].shape == (5, 512)


def test_an_embedding_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=r"expected an FP32 recogniser.*1333 \['None', 128\]"):
        rewrite(save(recogniser(size=128), tmp_path))


def test_weights_in_other_files_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "glintr100.onnx"
    onnx.save_model(
        recogniser(), path, save_as_external_data=True, location="weights", size_threshold=0
    )
    with pytest.raises(ImportFailed, match="save it as one file"):
        rewrite(path)
