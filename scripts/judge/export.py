"""Export of the judge's networks, as trained so far."""

from pathlib import Path

import torch

from scripts.judge.face_crops import CROP_PX
from scripts.judge.networks import SceneReader
from scripts.judge.person_training import PersonReaderWithIdentity
from scripts.pocket.face_export import save_onnx
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.training_state import load_average


def export_judge(work: Path, folder: Path) -> None:
    """Write both networks' ONNX files from the checkpoints in a work folder."""
    person_reader, scene_reader = PersonReaderWithIdentity(), SceneReader()
    load_average(person_reader, work / "person_reader.pt")
    load_average(scene_reader, work / "scene_reader.pt")
    save_onnx(
        person_reader.reader,
        torch.zeros(1, 3, CROP_PX, CROP_PX),
        folder / "person_reader.onnx",
        {"faces": {0: "batch"}},
        {"descriptions": {0: "batch"}},
    )
    save_onnx(
        scene_reader,
        torch.zeros(1, 3, NATIVE_SIZE_PX, NATIVE_SIZE_PX),
        folder / "scene_reader.onnx",
        {"pictures": {0: "batch"}},
        {"logits": {0: "batch"}, "keypoints": {0: "batch"}},
    )
