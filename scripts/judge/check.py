"""The judge's check: how right it is about drawings of persons that it was never trained on.

`python -m scripts.judge.check` prints the figures and writes `build/reports/judge.json`. They are
the ceiling of whatever the judge says of generated pictures.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from scripts.judge.attributes import ATTRIBUTES
from scripts.judge.disturbance import disturbed
from scripts.judge.judge import Judge
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.check import keypoint_error
from scripts.pocket.drawings import drawing_of, scene_of
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.scene import NO_HAIR, Scene
from scripts.reports import write_report


def check_judge(judge: Judge, persons: int) -> dict[str, float]:
    """Return all figures, on two drawings of each person as they are and `disturbed`."""
    seeds = range(FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + persons)
    portraits = [drawing_of(seed, index) for index in (0, 1) for seed in seeds]
    scenes = [scene_of(seed, index) for index in (0, 1) for seed in seeds]
    pictures = np.stack([portrait.picture for portrait in portraits])
    keypoints = np.stack([portrait.keypoints for portrait in portraits])
    rng = np.random.default_rng(0xC4EC)
    worse = np.stack([disturbed(picture, rng) for picture in pictures])
    return {"persons": persons} | {
        f"{prefix}{name}": value
        for prefix, seen in (("", pictures), ("disturbed_", worse))
        for name, value in _figures(judge, seen, keypoints, scenes).items()
    }


def recognition(first: Floats, second: Floats) -> dict[str, float]:
    """Return how well unit vectors [n, width] tell n persons apart, each seen twice."""
    cosines = second @ first.T
    same, different = np.diag(cosines), cosines[~np.eye(len(cosines), dtype=bool)]
    return {
        "same_cosine": float(same.mean()),
        "different_cosine": float(different.mean()),
        "true_accept_at_1_percent": float((same > np.quantile(different, 0.99)).mean()),
        "rank_1": float((cosines.argmax(1) == np.arange(len(cosines))).mean()),
    }


def attribute_accuracies(read: dict[str, list[str]], scenes: Sequence[Scene]) -> dict[str, float]:
    """Return the share of right choices for each attribute; no hair has no colour."""
    shares = {}
    for name in ATTRIBUTES:
        pairs = [
            (choice, getattr(scene, name))
            for choice, scene in zip(read[name], scenes, strict=True)
            if name != "hair_colour" or scene.hair_style != NO_HAIR
        ]
        shares[name] = float(np.mean([choice == right for choice, right in pairs]))
    return shares


def _figures(
    judge: Judge, pictures: Picture, keypoints: Floats, scenes: Sequence[Scene]
) -> dict[str, float]:
    found = judge.keypoints(pictures)
    first, second = np.split(judge.embed(pictures, found), 2)
    accuracies = attribute_accuracies(judge.attributes(pictures), scenes)
    errors = [keypoint_error(*pair) for pair in zip(found, keypoints, strict=True)]
    return {
        **recognition(first, second),
        "keypoint_error": float(np.mean(errors)),
        "accuracy": float(np.mean(list(accuracies.values()))),
        **{f"accuracy_{name}": share for name, share in accuracies.items()},
    }


def main() -> None:
    """Check, print and report."""
    parser = argparse.ArgumentParser(prog="python -m scripts.judge.check", description=__doc__)
    parser.add_argument("--persons", type=int, default=300)
    figures = check_judge(Judge(), parser.parse_args().persons)
    for name, value in figures.items():
        print(f"{name:40} {value:.4f}")
    print(write_report("judge", figures))


if __name__ == "__main__":
    main()
