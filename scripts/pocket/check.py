"""The check: how good the pocket weights are on persons that they were never trained on.

`python -m scripts.pocket.check` prints the figures and writes `build/reports/pocket.json`.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from instantid_server.stages.face import FaceAnalysis
from instantid_server.stages.safety import SafetyChecker
from instantid_server.trust.protected.face_reader import load_face_analysis
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.captions import full_caption
from scripts.pocket.detector_scenes import picture_without_face
from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.generation import GenerationOptions, generate
from scripts.pocket.guidance import GUIDANCE_SCALE
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.portraits import Portrait
from scripts.pocket.safety_check import check_safety, served_safety_checker, share_flagged
from scripts.pocket.served import served_networks

_BATCH = 20
_SHEET_PERSONS = 20


@dataclass(frozen=True)
class Made:
    """A generated picture between the drawing it came from and the one it should equal."""

    reference: Portrait
    target: Portrait
    picture: Picture


def check_detector(
    faces: FaceAnalysis, persons: int, pictures_without_face: int
) -> dict[str, float]:
    """Return recall and errors on fresh drawings, and how often a face is seen where none is."""
    found, errors, several = 0, [], 0
    for person in range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + persons):
        portrait = drawing_of(person, 0)
        seen = faces.analyse(portrait.picture)
        several += len(seen["face_scores"]) > 1
        if len(seen["face_scores"]) == 0:
            continue
        best = int(seen["face_scores"].argmax())
        left, top, right, bottom = seen["face_bboxes"][best]
        x, y = portrait.keypoints.mean(0)
        if left < x < right and top < y < bottom:
            found += 1
            errors.append(keypoint_error(seen["face_keypoints"][best], portrait.keypoints))
    rng = np.random.default_rng(99)
    empty = [picture_without_face(rng) for _ in range(pictures_without_face)]
    false_faces = sum(len(faces.analyse(picture)["face_scores"]) > 0 for picture in empty)
    return {
        "detector_recall": found / persons,
        "detector_keypoint_error": float(np.mean(errors)) if errors else float("nan"),
        "detector_several_faces": several / persons,
        "detector_false_faces": false_faces / pictures_without_face,
    }


def keypoint_error(found: Floats, truth: Floats) -> float:
    """Return the mean distance of keypoints [5, 2] in distances of the eyes."""
    eyes = float(np.hypot(*(truth[1] - truth[0])))
    return float(np.hypot(*(found - truth).T).mean()) / max(eyes, 1.0)


def check_recogniser(faces: FaceAnalysis, persons: int) -> dict[str, float]:
    """Return how often the right one of so many persons is the nearest, and mean cosines."""
    galleries = [_embeddings(faces, persons, index) for index in (0, 1)]
    known = ~np.isnan(galleries[0]).any(1) & ~np.isnan(galleries[1]).any(1)
    reference, other = (gallery[known] for gallery in galleries)
    cosines = other @ reference.T
    same = np.diag(cosines)
    different = cosines[~np.eye(len(cosines), dtype=bool)]
    accepted = float((same > np.quantile(different, 0.99)).mean())
    return {
        "recogniser_rank_1": float((cosines.argmax(1) == np.arange(len(cosines))).mean()),
        "recogniser_same_cosine": float(same.mean()),
        "recogniser_different_cosine": float(different.mean()),
        "recogniser_true_accept_at_1_percent": accepted,
    }


def check_generated(
    repository: Path,
    faces: FaceAnalysis,
    safety: SafetyChecker,
    persons: int,
    options: GenerationOptions,
    sheet: Path,
) -> dict[str, float]:
    """Return how many pictures hold a face, how near it is to person and pose, and alarms.

    The reference is one drawing of the person; caption and keypoints are another's.
    """
    made = generate_persons(repository, faces, persons, options)
    _write_sheet(sheet, made[:_SHEET_PERSONS])
    same, ceiling, errors = [], [], []
    for item in made:
        reference, _ = best_face(faces, item.reference.picture)
        ceiling.append(cosine(reference, best_face(faces, item.target.picture)[0]))
        embedding, found = best_face(faces, item.picture)
        if found is not None:
            same.append(cosine(reference, embedding))
            errors.append(keypoint_error(found, item.target.keypoints))
    return {
        "generated_with_face": len(errors) / persons,
        "generated_cosine": float(np.nanmean(same)) if same else float("nan"),
        "generated_cosine_ceiling": float(np.nanmean(ceiling)),
        "generated_keypoint_error": float(np.mean(errors)) if errors else float("nan"),
        "generated_flagged": share_flagged(safety, [item.picture for item in made]),
        "generated_guidance_scale": options.guidance_scale,
    }


def generate_persons(
    repository: Path, faces: FaceAnalysis, persons: int, options: GenerationOptions
) -> list[Made]:
    """Return a picture of each of so many persons: one drawing's face in another's scene."""
    networks, prompts = served_networks(repository)
    made: list[Made] = []
    for start in range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + persons, _BATCH):
        batch = range(start, min(start + _BATCH, FIRST_UNSEEN_SEED + persons))
        references = [drawing_of(person, 0) for person in batch]
        targets = [drawing_of(person, 1) for person in batch]
        embeddings = np.stack([best_face(faces, item.picture)[0] for item in references])
        pictures = generate(
            networks,
            prompts,
            [full_caption(scene_of(person, 1)) for person in batch],
            np.nan_to_num(embeddings),
            np.stack([item.keypoints for item in targets]),
            options,
        )
        made += [Made(*row) for row in zip(references, targets, pictures, strict=True)]
    return made


def best_face(faces: FaceAnalysis, picture: Picture) -> tuple[Floats, Floats | None]:
    """Return embedding and keypoints of the surest face; without one, NaN and None."""
    seen = faces.analyse(picture)
    if len(seen["face_scores"]) == 0:
        return np.full(512, np.nan, np.float32), None
    best = int(seen["face_scores"].argmax())
    return seen["face_embeddings"][best], seen["face_keypoints"][best]


def _embeddings(faces: FaceAnalysis, persons: int, index: int) -> Floats:
    seeds = range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + persons)
    raw = np.stack([best_face(faces, drawing_of(seed, index).picture)[0] for seed in seeds])
    unit: Floats = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return unit


def cosine(first: Floats, second: Floats) -> float:
    """Return how alike two embeddings are, 1 at most; NaN without a face in one of them."""
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _write_sheet(path: Path, made: list[Made]) -> None:
    """Write columns of reference, true drawing and generated picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [np.concatenate([m.reference.picture, m.target.picture, m.picture]) for m in made]
    half = len(columns) // 2
    strips = [np.concatenate(part, axis=1) for part in (columns[:half], columns[half : 2 * half])]
    cv2.imwrite(str(path), np.concatenate(strips)[..., ::-1])


def main() -> None:
    """Run every check."""
    parser = argparse.ArgumentParser(prog="python -m scripts.pocket.check", description=__doc__)
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    parser.add_argument("--report", type=Path, default=Path("build/reports/pocket.json"))
    parser.add_argument("--drawings", type=int, default=1000, help="for the detector")
    parser.add_argument("--pictures", type=int, default=100, help="generated")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance-scale", type=float, default=GUIDANCE_SCALE)
    parser.add_argument("--scheduler", default="EulerDiscreteScheduler")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    faces = load_face_analysis(arguments.repository)
    safety = served_safety_checker(arguments.repository)
    figures = check_detector(faces, arguments.drawings, 200) | check_recogniser(faces, 100)
    figures |= check_safety(safety, arguments.drawings)
    options = GenerationOptions(
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance_scale,
        scheduler=arguments.scheduler,
    )
    sheet = arguments.report.with_suffix(".png")
    figures |= check_generated(
        arguments.repository, faces, safety, arguments.pictures, options, sheet
    )
    arguments.report.write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:40s} {value:.4f}")


if __name__ == "__main__":
    main()
