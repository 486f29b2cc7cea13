"""The judge's training command: `python -m scripts.judge.train STAGE --work FOLDER --minutes N`.

Both networks go on from their checkpoint in the work folder until the minutes are used up, and
"export" writes them where the judge looks for them. The drawings are those of
`scripts.pocket.train drawings`; no generated picture is ever looked at.
"""

import argparse
import logging
from pathlib import Path

import cv2
import torch

from scripts.judge.export import export_judge
from scripts.judge.judge import WEIGHTS
from scripts.judge.person_training import train_person_reader
from scripts.judge.scene_training import train_scene_reader
from scripts.pocket.drawings import load_drawings
from scripts.pocket.training_state import RunOptions

_SEED = 0x10D6E  # not that of the served networks
_TRAININGS = {"person_reader": train_person_reader, "scene_reader": train_scene_reader}


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(prog="python -m scripts.judge.train", description=__doc__)
    parser.add_argument("stage", choices=(*_TRAININGS, "export"))
    parser.add_argument("--work", type=Path, default=Path("build/judge"), help="for checkpoints")
    parser.add_argument("--drawings", type=Path, default=Path("build/pocket/drawings"))
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the export goes")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training in all")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    if arguments.stage == "export":
        export_judge(arguments.work, arguments.weights)
        return
    checkpoint = arguments.work / f"{arguments.stage}.pt"
    options = RunOptions(checkpoint, arguments.minutes, 2e-3, ema_decay=0.998, weight_decay=5e-3)
    _TRAININGS[arguments.stage](load_drawings(arguments.drawings), options, _SEED)


if __name__ == "__main__":
    main()
