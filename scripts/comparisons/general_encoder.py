"""Comparison: a general image encoder in the recogniser's place.

`python -m scripts.comparisons.general_encoder STAGE --work FOLDER --minutes N` trains the encoder
on pictures and captions (`train-encoder`), then the same identity parts on its embeddings and on
the recogniser's (`train`), and writes `build/reports/general_encoder.json` (`measure`). The folder
holds the drawings of `scripts.pocket.train`. A trained stage goes on where it stopped, and the
report says how long it was.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from scripts.comparisons.drawn_cases import face_embeddings, pictures_of, write_sheet
from scripts.comparisons.general_encoder_arms import PairedArms, train_arms, trained_arms
from scripts.comparisons.general_encoder_figures import arm_figures, embedding_figures
from scripts.comparisons.general_encoder_network import (
    BATCH,
    ImageCaptionPair,
    captions_found,
    embed_drawings,
    embed_pictures,
    train_encoder,
)
from scripts.evaluate.cases import cases_of, unseen_persons
from scripts.evaluate.examiner import Examiner
from scripts.judge.judge import Judge
from scripts.pocket.aligned_faces import make_aligned_faces
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.base_training import Base
from scripts.pocket.captions import full_caption
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, load_drawings
from scripts.pocket.identity_embeddings import embed_with_served, make_embeddings
from scripts.pocket.latents import LatentCache
from scripts.pocket.served import served_networks
from scripts.pocket.training_state import RunOptions, load_average
from scripts.reports import REPORTS, write_report

_ENCODER = "general_encoder.pt"
_ARMS_FILE = "general_encoder_arms.pt"
_ENOUGH_ROWS = 10_000  # drawings that the arms learn from; encoding more costs training time
_DEFAULT_MINUTES = {"train-encoder": 30.0, "train": 180.0, "measure": 0.0}
_FIGURE_NAMES = {"general": "general_encoder", "recogniser": "recogniser_arm"}  # of the arms


def main() -> None:
    """Run one stage."""
    options = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    minutes = _DEFAULT_MINUTES[options.stage] if options.minutes is None else options.minutes
    if options.stage == "train-encoder":
        run = RunOptions(options.work / _ENCODER, minutes, 1e-3, 0.995)
        pair = _new_pair(options.repository)
        train_encoder(pair, load_drawings(options.work / "drawings"), run)
    elif options.stage == "train":
        _train(options.repository, options.work, minutes)
    else:
        _measure(options.repository, options.work, options.persons, options.seeds)


def _train(repository: Path, work: Path, minutes: float) -> None:
    """Train both arms; latents and embeddings are made of the served networks once."""
    drawings = load_drawings(work / "drawings")
    served, prompts = served_networks(repository)
    latents = LatentCache(served.vae, drawings, work / "served_latents", _ENOUGH_ROWS)
    faces = make_aligned_faces(drawings, work / "faces.npy")
    recogniser = make_embeddings(
        embed_with_served(repository), faces, work / "served_embeddings.npy"
    )
    path = work / "general_embeddings.npy"
    if not path.exists():
        np.save(path, embed_drawings(_trained_pair(repository, work).encoder, drawings))
    arms = PairedArms(Base(prompts, served.unet))
    run = RunOptions(work / _ARMS_FILE, minutes, 8e-4)
    train_arms(arms, latents, np.load(path), recogniser[:, :PORTRAITS_PER_PERSON], drawings, run)


def _measure(repository: Path, work: Path, persons: int, seeds: list[int]) -> None:
    """Draw the cases with both arms and write the report and a contact sheet."""
    pair = _trained_pair(repository, work)
    runs = [cases_of(unseen_persons(persons), seed) for seed in seeds]
    references = np.stack([case.reference.picture for case in runs[0]])
    truths = np.stack([case.truth.picture for case in runs[0]])
    known = _embeddings(repository, pair, references)
    again = _embeddings(repository, pair, truths)
    captions = [full_caption(case.scene) for case in runs[0]]
    figures = _lengths(work) | {
        "general_encoder_persons": persons,
        "general_encoder_seeds": len(seeds),
        "general_encoder_captions_found": captions_found(pair, truths, captions),
    }
    served, prompts = served_networks(repository)
    arms = trained_arms(Base(prompts, served.unet), work / _ARMS_FILE)
    examiner = Examiner(Judge(), unseen_persons(persons))
    columns: dict[str, Sequence[Picture]] = {"wanted": list(truths)}
    for arm, name in _FIGURE_NAMES.items():
        networks = arms.networks(served, arm)
        pictures = [pictures_of(networks, prompts, cases, known[arm]) for cases in runs]
        figures |= embedding_figures(name, known[arm], again[arm])
        figures |= arm_figures(name, examiner, runs, pictures)
        columns[arm] = pictures[0]
    write_sheet(REPORTS / "general_encoder.png", runs[0], columns)
    write_report("general_encoder", figures)
    for figure, value in figures.items():
        print(f"{figure:44s} {value:.4f}")


def _embeddings(repository: Path, pair: ImageCaptionPair, pictures: Picture) -> dict[str, Floats]:
    """Return what each arm is told of the persons in pictures."""
    return {
        "general": embed_pictures(pair.encoder, pictures),
        "recogniser": face_embeddings(repository, list(pictures)),
    }


def _lengths(work: Path) -> dict[str, float]:
    """Return how long encoder and arms were trained."""
    encoder, arms = (torch.load(work / name, weights_only=True) for name in (_ENCODER, _ARMS_FILE))
    return {
        "general_encoder_pictures": encoder["step"] * BATCH,
        "general_encoder_minutes": encoder["seconds"] / 60,
        "general_encoder_samples": int(arms["network"]["samples"]),
        "general_encoder_arms_minutes": arms["seconds"] / 60,
    }


def _new_pair(repository: Path) -> ImageCaptionPair:
    torch.manual_seed(0)
    return ImageCaptionPair(repository / "text_encoder" / "1" / "tokenizer_2")


def _trained_pair(repository: Path, work: Path) -> ImageCaptionPair:
    pair = _new_pair(repository)
    load_average(pair, work / _ENCODER)
    return pair.eval()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.comparisons.general_encoder", description=__doc__
    )
    parser.add_argument("stage", choices=_DEFAULT_MINUTES, help="in this order")
    parser.add_argument("--work", type=Path, default=Path("build/pocket"), help="data, checkpoints")
    parser.add_argument("--minutes", type=float, help="training time in all (default: per stage)")
    parser.add_argument("--persons", type=int, default=100, help="unseen, to measure with")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the pictures")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
