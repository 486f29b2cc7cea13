"""TrustMark's adapter, on two tiny graphs with the inputs and outputs of the real ones."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from instantid_server.contract import MarkState
from instantid_server.settings import SettingsError
from instantid_server.trust.keys import Keys, make_test_keys
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.marks.trustmark import TrustMark
from instantid_server.trust.policy import MarkPolicy
from scripts.provenance.pictures import drawings, texture

BITS, SIDE = 100, 256
PICTURE, SECRET = [1, 3, SIDE, SIDE], [1, BITS]
RECORD_ID = "fedcba98" + "0" * 24
FAINT = 0.05  # of the range -1..1, before patterns are multiplied with it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an encoder that adds a row of grey levels for each bit, and its decoder."""
    rows = np.zeros((BITS, 3, SIDE, SIDE), np.float32)
    for bit in range(BITS):  # two rows up, two rows down: a picture's own light cancels out
        rows[bit, :, 2 * bit, :], rows[bit, :, 2 * bit + 1, :] = 1, -1
    patterns = rows.reshape(BITS, -1)
    spread = helper.make_node("MatMul", ["signs", "patterns"], ["flat"])
    save(
        tmp_path / "encoder.onnx",
        [
            helper.make_node("Mul", ["secret", "twice"], ["doubled"]),
            helper.make_node("Sub", ["doubled", "one"], ["signs"]),
            spread,
            helper.make_node("Reshape", ["flat", "shape"], ["added"]),
            helper.make_node("Mul", ["added", "faint"], ["residual"]),
            helper.make_node("Add", ["cover", "residual"], ["stego"]),
        ],
        {"cover": PICTURE, "secret": SECRET},
        {"stego": PICTURE},
        {
            "patterns": patterns,
            "twice": np.float32(2),
            "one": np.float32(1),
            "faint": np.float32(FAINT),
            "shape": np.array(PICTURE, np.int64),
        },
    )
    save(
        tmp_path / "decoder.onnx",
        [
            helper.make_node("Reshape", ["stego", "row"], ["flat"]),
            helper.make_node("MatMul", ["flat", "patterns"], ["logits"]),
        ],
        {"stego": PICTURE},
        {"logits": SECRET},
        {"patterns": patterns.T.copy(), "row": np.array([1, -1], np.int64)},
    )
    return tmp_path


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    constants: dict[str, np.ndarray],
) -> None:
    def declared(tensors: dict[str, list[int]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in tensors.items()
        ]

    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, path.stem, declared(inputs), declared(outputs), weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def test_the_id_is_read_from_a_picture_of_another_shape(folder: Path) -> None:
    mark = TrustMark(folder)
    picture = np.full((300, 400, 3), 120, np.uint8)
    found = mark.detect(mark.embed(picture, RECORD_ID))
    assert found == Detection(MarkState.OURS, 0xFEDCBA98, key_version=None)


def test_a_clean_picture_has_no_mark(folder: Path) -> None:
    mark = TrustMark(folder)
    clean = [*drawings(6), texture(np.random.default_rng(3), 300, 300)]
    assert all(mark.detect(picture) == Detection(MarkState.NONE) for picture in clean)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    make_test_keys(tmp_path / "keys")
    with pytest.raises(SettingsError, match=r"encoder\.onnx is not in the folder"):
        make_watermarker(MarkPolicy(watermarker="trustmark"), Keys.load(tmp_path / "keys"))


def test_an_encoder_of_something_else_is_refused(folder: Path) -> None:
    shutil.copyfile(folder / "decoder.onnx", folder / "encoder.onnx")
    with pytest.raises(SettingsError, match="one picture and one row of bits"):
        TrustMark(folder)
