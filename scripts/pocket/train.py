"""The training command: `python -m scripts.pocket.train STAGE --work FOLDER --minutes N`.

Each stage goes on from its checkpoint in the work folder until its minutes are used up. "adopt"
fills the work folder with the weights of the model repository, to go on from those.
"""

import argparse
import logging
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from scripts.pocket.adapter_training import train_adapter
from scripts.pocket.adoption import adopt_repository
from scripts.pocket.aligned_faces import make_aligned_faces
from scripts.pocket.base_training import train_base
from scripts.pocket.detector_training import train_detector
from scripts.pocket.drawings import Drawings, load_drawings, make_drawings
from scripts.pocket.export import export_networks, export_safety_checker
from scripts.pocket.identity_embeddings import embed_with, embed_with_served, make_embeddings
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
from scripts.pocket.training_state import RunOptions
from scripts.pocket.vae_training import train_vae
from scripts.pocket.workers import run_workers

_ENOUGH_ROWS = 20_000  # drawings that generation learns from; encoding more costs training time
_DEFAULT_MINUTES = {
    "drawings": 0.0,
    "adopt": 0.0,
    "vae": 20.0,
    "recogniser": 15.0,
    "detector": 10.0,
    "safety": 8.0,
    "base": 40.0,
    "joint": 40.0,
    "adapter": 35.0,
    "export": 0.0,
}


def main() -> None:
    """Run one stage."""
    options = _arguments()
    if options.stage in ("base", "joint", "adapter"):
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
        _STAGES[options.stage](work, load_drawings(work / "drawings"), minutes)


def _vae(work: Path, drawings: Drawings, minutes: float) -> None:
    train_vae(drawings, RunOptions(work / "vae.pt", minutes, 2e-3, 0.995, 0.0))


def _recogniser(work: Path, drawings: Drawings, minutes: float) -> None:
    faces = make_aligned_faces(drawings, work / "faces.npy")
    train_recogniser(faces, RunOptions(work / "recogniser.pt", minutes, 2e-3, 0.995, 5e-4))


def _detector(work: Path, drawings: Drawings, minutes: float) -> None:
    train_detector(drawings, RunOptions(work / "detector.pt", minutes, 2e-3, 0.998, 1e-4))
    refit_detector(work, drawings)


def _safety(work: Path, drawings: Drawings, minutes: float) -> None:
    train_safety(drawings, RunOptions(work / "safety.pt", minutes, 1e-3, 0.995))


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
    return LatentCache(trained_vae(work, drawings), drawings, work / "latents", _ENOUGH_ROWS)


def _base(work: Path, drawings: Drawings, minutes: float) -> None:
    options = RunOptions(work / "base.pt", minutes, 8e-4)
    train_base(new_base(work), _latents(work, drawings), drawings, options)


def _joint(work: Path, drawings: Drawings, minutes: float) -> None:
    network = conditioned_base(work)
    embeddings = np.load(work / "embeddings.npy")
    options = RunOptions(work / "joint.pt", minutes, 8e-4, ema_decay=0.995)
    latents = _latents(work, drawings)
    train_adapter(network, latents, embeddings, drawings, options, freeze_base=False)


def _adapter(work: Path, drawings: Drawings, minutes: float) -> None:
    network = conditioned_base(work)
    embeddings = np.load(work / "embeddings.npy")
    options = RunOptions(work / "adapter.pt", minutes, 8e-4)
    train_adapter(network, _latents(work, drawings), embeddings, drawings, options)


_STAGES = {
    "vae": _vae,
    "recogniser": _recogniser,
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
    parser.add_argument("--persons", type=int, default=8000, help="how many persons are drawn")
    parser.add_argument("--workers", type=int, default=1, help="processes (base, joint, adapter)")
    parser.add_argument("--threads", type=int, default=2, help="processor threads of each")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
