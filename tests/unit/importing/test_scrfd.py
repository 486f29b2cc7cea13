"""SCRFD's graph is rewritten for batches, and says the same as before."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from instantid_server.contract import FACE_DETECTOR
from instantid_server.importing import scrfd
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.onnx_graph import Runner
from instantid_server.stages.onnx import OnnxModel
from tests.checkpoints.faces import OUTPUTS, ScrfdForm
from tests.checkpoints.faces import scrfd as build_scrfd

KINDS = ("scores", "bboxes", "keypoints")


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "scrfd_10g_bnkps.onnx"
    onnx.save(model, path)
    return path


def pictures(count: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(7).uniform(-1, 1, (count, 3, 96, 128))
    return drawn.astype(np.float32)


def run(content: bytes, rows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": rows}), strict=True))


def assert_says_the_same(
    original: onnx.ModelProto, content: bytes, rows: NDArray[np.float32]
) -> None:
    answers = run(content, rows)
    runner = Runner(original)
    alone = [runner.run(rows[row : row + 1]) for row in range(len(rows))]
    for stride, names in OUTPUTS.items():
        for kind, name in zip(KINDS, names, strict=True):
            expected = np.stack([one[name] for one in alone])
            np.testing.assert_allclose(answers[f"{kind}_{stride}"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(ScrfdForm(), id="export"),
        pytest.param(ScrfdForm(permutation=(2, 3, 0, 1)), id="older-export"),
        pytest.param(ScrfdForm(sizes="baked"), id="batch-in-resize"),
        pytest.param(ScrfdForm(norm="group"), id="batch-in-reshape"),
    ],
)
def test_an_export_takes_batches_and_says_the_same(tmp_path: Path, form: ScrfdForm) -> None:
    original = build_scrfd(form)
    detector = scrfd.rewrite(save(original, tmp_path))
    assert (detector.max_batch_size, detector.note) == (None, "")
    for count in (1, 4):
        assert_says_the_same(original, detector.content, pictures(count))


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        pytest.param("squeezed", "transposed in a way that no known export has", id="no-batch"),
        pytest.param("joint", "of 4 pictures differs from that of each alone", id="joint-rows"),
    ],
)
def test_a_graph_that_cannot_batch_takes_one_picture(
    tmp_path: Path, tail: str, reason: str
) -> None:
    original = build_scrfd(ScrfdForm(tail=tail))
    detector = scrfd.rewrite(save(original, tmp_path))
    assert detector.max_batch_size == 1
    assert reason in detector.note
    assert_says_the_same(original, detector.content, pictures(1))


@pytest.mark.parametrize("tail", ["flat", "squeezed"])
def test_triton_takes_the_rewritten_graph(tmp_path: Path, tail: str) -> None:
    detector = scrfd.rewrite(save(build_scrfd(ScrfdForm(tail=tail)), tmp_path))
    served = tmp_path / "model.onnx"
    served.write_bytes(detector.content)
    # Checks names, types and dims by the rules of Triton's own backend.
    OnnxModel(served, FACE_DETECTOR, num_threads=1).warm_up(detector.max_batch_size or 8)


def test_outputs_are_told_by_their_sizes(tmp_path: Path) -> None:
    original = build_scrfd()
    moved = list(reversed(original.graph.output))  # as TensorRT's tools leave them
    del original.graph.output[:]
    original.graph.output.extend(moved)
    detector = scrfd.rewrite(save(original, tmp_path))
    assert_says_the_same(original, detector.content, pictures(2))


def test_a_detector_without_keypoints_is_refused(tmp_path: Path) -> None:
    model = build_scrfd()
    kept = [port for port in model.graph.output if port.name not in ("454", "477", "500")]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    with pytest.raises(ImportFailed, match=r"nine outputs.*got 6: 128x1"):
        scrfd.rewrite(save(model, tmp_path))


def test_a_detector_of_one_size_is_refused(tmp_path: Path) -> None:
    path = save(build_scrfd(ScrfdForm(size_px=640)), tmp_path)
    with pytest.raises(ImportFailed, match="pictures of 640x640 only"):
        scrfd.rewrite(path)


def test_scores_without_a_sigmoid_are_refused(tmp_path: Path) -> None:
    model = build_scrfd()
    for node in model.graph.node:
        if node.op_type == "Sigmoid":
            node.op_type = "Identity"
    with pytest.raises(ImportFailed, match="behind a sigmoid"):
        scrfd.rewrite(save(model, tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"\xff" * 64, "no ONNX file", id="noise"),
        pytest.param(b"", "no ONNX file", id="empty"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull", id="pointer"),
    ],
)
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "scrfd_10g_bnkps.onnx"
    path.write_bytes(content)
    with pytest.raises(ImportFailed, match=reason):
        scrfd.rewrite(path)
