"""Comparison: the served adapter and IdentityNet on a base network that they never saw.

`python -m scripts.comparisons.plug_and_play --work FOLDER --minutes N` trains the base on one art
style whose name is in no caption, puts both on it as they are and writes
`build/reports/plug_and_play.json`: is the person kept, and is the style taken? Training goes on
where it stopped, and the report says how long it was.
"""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import torch
from diffusers import UNet2DConditionModel

from scripts.comparisons.bare_base import with_adapter_of
from scripts.comparisons.drawn_cases import face_embeddings, pictures_of, write_sheet
from scripts.comparisons.plug_and_play_figures import base_figures, cases_in
from scripts.comparisons.plug_and_play_style import UNNAMED, style_drawings, train_styled_denoiser
from scripts.evaluate.cases import cases_of, unseen_persons
from scripts.evaluate.examiner import Examiner
from scripts.judge.judge import Judge
from scripts.pocket.scene import ART_STYLES
from scripts.pocket.served import served_networks
from scripts.pocket.training_state import RunOptions
from scripts.reports import REPORTS, write_report

_CHECKPOINT = "styled_base.pt"
_LEARNING_RATE = 2e-4  # a quarter of that of a base that has just begun


def main() -> None:
    """Train the base and measure both."""
    options = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    _measure(options, _trained_denoiser(options))


def _trained_denoiser(options: argparse.Namespace) -> UNet2DConditionModel:
    served, prompts = served_networks(options.repository)
    folder = options.work / options.style
    drawings = style_drawings(folder / "drawings", options.style, options.drawn_persons)
    run = RunOptions(folder / _CHECKPOINT, options.minutes, _LEARNING_RATE, ema_decay=0.99)
    return train_styled_denoiser(served, prompts, drawings, folder / "latents", run)


def _measure(options: argparse.Namespace, denoiser: UNet2DConditionModel) -> None:
    """Draw the cases with both bases and write the report and a contact sheet."""
    served, prompts = served_networks(options.repository)
    with_adapter_of(denoiser, served.unet)
    bases = {"before": (served, UNNAMED), "after": (replace(served, unet=denoiser), options.style)}
    persons = unseen_persons(options.persons)
    runs = [cases_in(cases_of(persons, seed), UNNAMED) for seed in options.seeds]
    references = [case.reference.picture for case in runs[0]]
    embeddings = face_embeddings(options.repository, references)
    examiner = Examiner(Judge(), persons)
    figures, columns = _length(options), {}
    for name, (networks, looks) in bases.items():
        pictures = [pictures_of(networks, prompts, cases, embeddings) for cases in runs]
        figures |= base_figures(name, examiner, runs, pictures, looks, options.style)
        columns[name] = pictures[0]
    kept = figures["plug_identity_after"] / figures["plug_identity_before"]
    figures["plug_identity_kept"] = kept
    write_sheet(REPORTS / "plug_and_play.png", runs[0], columns)
    write_report("plug_and_play", {"plug_style": options.style} | figures)
    for figure, value in figures.items():
        print(f"{figure:32s} {value:.4f}")


def _length(options: argparse.Namespace) -> dict[str, float]:
    """Return how long the base was trained, and on how many pictures both are compared."""
    state = torch.load(options.work / options.style / _CHECKPOINT, weights_only=True)
    return {
        "plug_minutes": state["seconds"] / 60,
        "plug_steps": state["step"],
        "plug_persons": options.persons,
        "plug_seeds": len(options.seeds),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.comparisons.plug_and_play", description=__doc__
    )
    parser.add_argument("--style", choices=ART_STYLES[1:], default="comic")
    parser.add_argument("--work", type=Path, default=Path("build/plug_and_play"))
    parser.add_argument("--minutes", type=float, default=10.0, help="of training in all")
    parser.add_argument("--drawn-persons", type=int, default=400, help="five drawings of each")
    parser.add_argument("--persons", type=int, default=100, help="unseen, to measure with")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the pictures")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
