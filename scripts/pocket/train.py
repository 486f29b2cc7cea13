"""The training command: `python -m scripts.pocket.train STAGE --work FOLDER --minutes N`.

Each stage goes on from its checkpoint in the work folder until its minutes are used up. "adopt"
fills the work folder with the weights of the model repository, to go on from those.
"""

import argparse
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from scripts.pocket.adapter_training import Likeness, train_adapter
from scripts.pocket.adoption import adopt_repository
from scripts.pocket.aligned_faces import make_aligned_faces
from scripts.pocket.base_training import train_base
from scripts.pocket.detector_training import train_detector
from scripts.pocket.drawings import Drawings, load_drawings, make_drawings
from scripts.pocket.export import export_networks, export_safety_checker
from scripts.pocket.identity_embeddings import embed_with, embed_with_served, make_embeddings
from scripts.pocket.identity_loss import IdentityLoss
from scripts.pocket.latents import LatentCache
from scripts.pocket.recogniser_training import train_recogniser
from scripts.pocket.safety_training import train_safety
from scripts.pocket.trained import (
    conditioned_base,
    load_trained,
    new_base,
    refit_detector,
    trained_recogniser,
    trained_safety_checker,
    trained_vae,
)
from scripts.pocket.training_state import RunOptions, on_training_device
from scripts.pocket.vae_training import train_decoder, train_vae
from scripts.pocket.workers import run_workers

_DEFAULT_MINUTES = {
    "drawings": 0.0,
    "adopt": 0.0,
    "vae": 20.0,
    "recogniser": 15.0,
    "decoder": 10.0,
    "detector": 10.0,
    "safety": 8.0,
    "base": 40.0,
    "joint": 40.0,
    "adapter": 35.0,
    "export": 0.0,
}


@dataclass(frozen=True)
class Budget:
    """How long a stage is trained in all, and how fast it learns beside its own rate."""

    minutes: float
    rate: float


def main() -> None:
    """Run one stage."""
    options = _arguments()
    if options.stage in ("decoder", "base", "joint", "adapter"):
        prepare(options)
    run_workers(partial(run_stage, options), options.workers)


def run_stage(options: argparse.Namespace) -> None:
    """Run one stage in this process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    work: Path = options.work
    minutes = _DEFAULT_MINUTES[options.stage] if options.minutes is None else options.minutes
    if options.stage == "drawings":
        make_drawings(work / "drawings", options.persons, options.threads)
    elif options.stage == "export":
        export_networks(load_trained(work), options.repository)
        if (work / "safety.pt").exists():  # else the repository keeps the one it has
            export_safety_checker(trained_safety_checker(work), options.repository)
    elif options.stage == "adopt":
        adopt_repository(options.repository, work)
    else:
        budget = Budget(minutes, options.rate)
        _STAGES[options.stage](work, load_drawings(work / "drawings"), budget)


def _vae(work: Path, drawings: Drawings, budget: Budget) -> None:
    train_vae(drawings, RunOptions(work / "vae.pt", budget.minutes, budget.rate * 2e-3, 0.995, 0.0))


def _recogniser(work: Path, drawings: Drawings, budget: Budget) -> None:
    faces = make_aligned_faces(drawings, work / "faces.npy")
    train_recogniser(
        faces, RunOptions(work / "recogniser.pt", budget.minutes, budget.rate * 2e-3, 0.995, 5e-4)
    )


def _decoder(work: Path, drawings: Drawings, budget: Budget) -> None:
    vae = trained_vae(work, drawings)
    identity = IdentityLoss(trained_recogniser(work))
    options = RunOptions(work / "decoder.pt", budget.minutes, budget.rate * 1e-3, 0.995, 0.0)
    train_decoder(vae, _latents(work, drawings), drawings, identity, options)


def _detector(work: Path, drawings: Drawings, budget: Budget) -> None:
    train_detector(
        drawings, RunOptions(work / "detector.pt", budget.minutes, budget.rate * 2e-3, 0.998, 1e-4)
    )
    refit_detector(work, drawings)


def _safety(work: Path, drawings: Drawings, budget: Budget) -> None:
    train_safety(
        drawings, RunOptions(work / "safety.pt", budget.minutes, budget.rate * 1e-3, 0.995)
    )


def prepare(options: argparse.Namespace) -> None:
    """Make the files that several workers read, while there is only one."""
    work: Path = options.work
    drawings = load_drawings(work / "drawings")
    _latents(work, drawings)
    new_base(work)
    if options.stage in ("joint", "adapter"):
        faces = make_aligned_faces(drawings, work / "faces.npy")
        trained_here = (work / "recogniser.pt").exists()
        embed = (
            embed_with(trained_recogniser(work))
            if trained_here
            else embed_with_served(options.repository)
        )
        make_embeddings(embed, faces, work / "embeddings.npy")


def _latents(work: Path, drawings: Drawings) -> LatentCache:
    return LatentCache(trained_vae(work, drawings), drawings, work / "latents")


def _base(work: Path, drawings: Drawings, budget: Budget) -> None:
    options = RunOptions(work / "base.pt", budget.minutes, budget.rate * 8e-4)
    train_base(new_base(work), _latents(work, drawings), drawings, options)


def _joint(work: Path, drawings: Drawings, budget: Budget) -> None:
    network = conditioned_base(work)
    embeddings = np.load(work / "embeddings.npy")
    options = RunOptions(work / "joint.pt", budget.minutes, budget.rate * 8e-4, ema_decay=0.995)
    latents = _latents(work, drawings)
    train_adapter(network, latents, embeddings, drawings, options, False, _likeness(work, drawings))


def _adapter(work: Path, drawings: Drawings, budget: Budget) -> None:
    network = conditioned_base(work)
    embeddings = np.load(work / "embeddings.npy")
    options = RunOptions(work / "adapter.pt", budget.minutes, budget.rate * 8e-4)
    likeness = _likeness(work, drawings)
    latents = _latents(work, drawings)
    train_adapter(network, latents, embeddings, drawings, options, likeness=likeness)


def _likeness(work: Path, drawings: Drawings) -> Likeness | None:
    """Return nothing where the recogniser is at hand as an ONNX file only."""
    if not (work / "recogniser.pt").exists():
        return None
    vae = trained_vae(work, drawings).requires_grad_(False)
    return Likeness(on_training_device(vae), IdentityLoss(trained_recogniser(work)))


_STAGES = {
    "vae": _vae,
    "recogniser": _recogniser,
    "decoder": _decoder,
    "detector": _detector,
    "safety": _safety,
    "base": _base,
    "joint": _joint,
    "adapter": _adapter,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.pocket.train", description=__doc__)
    parser.add_argument("stage", choices=_DEFAULT_MINUTES, help="in this order")
    parser.add_argument("--work", type=Path, default=Path("build/pocket"), help="data, checkpoints")
    parser.add_argument("--minutes", type=float, help="training time in all (default: per stage)")
    parser.add_argument(
        "--rate",
        type=float,
        default=1.0,
        help="times the learning rate, to go on after a run's end",
    )
    parser.add_argument("--persons", type=int, default=16_000, help="how many persons are drawn")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes (decoder, base, joint, adapter)"
    )
    parser.add_argument("--threads", type=int, default=2, help="processor threads of each")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
