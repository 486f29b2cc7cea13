"""Adoption: training goes on from the committed weights, and nothing of them is lost."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from scripts.pocket.adoption import adopt_repository
from scripts.pocket.drawings import make_drawings
from scripts.pocket.export import Networks, export_networks
from scripts.pocket.face_import import import_detector, import_recogniser
from scripts.pocket.trained import load_trained
from scripts.reports import ROOT

REPOSITORY = ROOT / "model_repository"


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    work: Path = tmp_path_factory.mktemp("work")
    make_drawings(work / "drawings", persons=1, processes=1)
    adopt_repository(REPOSITORY, work)
    return load_trained(work)


def test_adopted_weights_are_exported_as_they_were(adopted: Networks, tmp_path: Path) -> None:
    export_networks(adopted, tmp_path)
    weights = [path for path in tmp_path.rglob("*") if path.suffix in (".safetensors", ".onnx")]
    assert len(weights) == 10  # safety is another stage's
    for path in weights:
        committed = REPOSITORY / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), path.name


def test_a_recogniser_computes_the_same_once_it_is_imported() -> None:
    faces = torch.rand(3, 3, 112, 112) * 2 - 1
    session = onnxruntime.InferenceSession(REPOSITORY / "face_embedder" / "1" / "model.onnx")
    (served,) = session.run(None, {"aligned_face": faces.numpy()})
    with torch.no_grad():
        imported = import_recogniser(REPOSITORY)(faces)
    np.testing.assert_allclose(imported.numpy(), served, atol=1e-4)


def test_a_detector_computes_the_same_once_it_is_imported() -> None:
    image = torch.rand(2, 3, 192, 192) * 2 - 1
    session = onnxruntime.InferenceSession(REPOSITORY / "face_detector" / "1" / "model.onnx")
    with torch.no_grad():
        imported = import_detector(REPOSITORY)(image)
    for ours, served in zip(imported, session.run(None, {"image": image.numpy()}), strict=True):
        np.testing.assert_allclose(ours.numpy(), served, atol=1e-4)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    detector = (REPOSITORY / "face_detector" / "1" / "model.onnx").read_bytes()
    other = tmp_path / "face_embedder" / "1" / "model.onnx"
    other.parent.mkdir(parents=True)
    other.write_bytes(detector)
    with pytest.raises(ValueError, match="expected 13 convolutions"):
        import_recogniser(tmp_path)
