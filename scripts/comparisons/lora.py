"""Comparison: a LoRA for each character, which is how people kept a person before InstantID.

`python -m scripts.comparisons.lora` trains one for each of some unseen persons on 1, 5 and 20
drawings, draws the evaluation's cases with it and with the served networks, which see one drawing
and train nothing, and has the judge compare both. It prints a table and writes
`build/reports/lora.json`. `--choose` tries learning rates on other persons instead.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch

from scripts.comparisons.drawn_cases import write_sheet
from scripts.comparisons.lora_4bit import in_four_bits, is_installed, weight_bytes
from scripts.comparisons.lora_arms import Arm, Sitting
from scripts.comparisons.lora_training import LoraOptions
from scripts.evaluate.examiner import Examiner
from scripts.judge.judge import Judge
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.served import served_networks
from scripts.reports import REPORTS, ROOT, write_report

_FIRST_PERSON = FIRST_UNSEEN_SEED + 20_000
_FIRST_CHOICE_PERSON = _FIRST_PERSON + 100  # the learning rate was chosen on other persons
_QLORA_DRAWINGS = 5
_RATES = (1e-3, 2e-3, 4e-3)
# The arms, but for those that are a number of drawings.
ZERO_SHOT, NOBODY, TEXT_ALONE, QLORA = "zero_shot", "nobody", "text_alone", "qlora"
_TITLES = {
    ZERO_SHOT: "zero-shot, drawings: 1",
    NOBODY: "nobody, without a LoRA",
    TEXT_ALONE: "LoRA without IdentityNet, most drawings",
    QLORA: f"QLoRA, drawings: {_QLORA_DRAWINGS}",
}


@dataclass(frozen=True)
class Size:
    """How much is trained and drawn."""

    persons: int
    drawings: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: int


WHOLE = Size(persons=10, drawings=(1, 5, 20), seeds=(1, 2, 3), steps=LoraOptions.steps)
QUICK = Size(persons=2, drawings=(1, 5), seeds=(1, 2), steps=50)


def compare(
    repository: Path, size: Size, training: LoraOptions
) -> tuple[dict[str, float], dict[str, Arm], Sitting]:
    """Return the report's figures, every arm by its name, and what was drawn in them."""
    networks, prompts = served_networks(repository)
    persons = range(_FIRST_PERSON, _FIRST_PERSON + size.persons)
    sitting = Sitting(prompts, persons, size.seeds)
    arms = {
        ZERO_SHOT: sitting.zero_shot(networks, repository),
        NOBODY: sitting.nobody(networks),
    }
    for drawings in size.drawings:
        arms[str(drawings)] = sitting.lora(networks, drawings, training)
    text_alone = replace(training, scale=0.0)
    arms[TEXT_ALONE] = sitting.lora(networks, max(size.drawings), text_alone)
    figures: dict[str, float] = {
        "lora_persons": size.persons,
        "lora_steps": training.steps,
        "lora_batch": training.batch,
        "lora_rank": training.rank,
        "lora_learning_rate": training.learning_rate,
        "lora_base_bytes": weight_bytes(networks.unet),
        "lora_text_alone_drawings": max(size.drawings),
        "qlora_ran": int(is_installed()),
    }
    if is_installed():
        unet = in_four_bits(networks.unet)
        arms[QLORA] = sitting.lora(replace(networks, unet=unet), _QLORA_DRAWINGS, training)
        figures |= {"qlora_drawings": _QLORA_DRAWINGS, "qlora_base_bytes": weight_bytes(unet)}
    examiner = Examiner(Judge(), persons)
    for name, arm in arms.items():
        figures |= sitting.figures(arm, examiner, _key(name)) | {
            _key(name).format("seconds"): arm.seconds,
            _key(name).format("bytes"): arm.size_bytes,
        }
    return figures, arms, sitting


def choose(repository: Path, size: Size, training: LoraOptions) -> dict[str, float]:
    """Return identity and prompt for each learning rate and number of drawings."""
    networks, prompts = served_networks(repository)
    persons = range(_FIRST_CHOICE_PERSON, _FIRST_CHOICE_PERSON + size.persons)
    sitting, examiner = Sitting(prompts, persons, size.seeds), Examiner(Judge(), persons)
    figures: dict[str, float] = {}
    for rate in _RATES:
        for drawings in size.drawings:
            arm = sitting.lora(networks, drawings, replace(training, learning_rate=rate))
            name = f"lora_{{}}_{drawings}_rate_{rate:g}"
            figures |= sitting.figures(arm, examiner, name)
    return figures


def table(figures: Mapping[str, float], names: Iterable[str]) -> str:
    """Return the arms as a table in Markdown, the judge's ceiling last."""
    lines = ["| | identity | prompt | seconds of training | file, kB |", "|---|--:|--:|--:|--:|"]
    for name in names:
        key = _key(name)
        cells = [
            f"{figures[key.format(kind)]:.2f} ± {figures[key.format(kind) + '_noise']:.2f}"
            for kind in ("identity", "prompt")
        ]
        cells += [
            f"{figures[key.format('seconds')]:.0f}",
            f"{figures[key.format('bytes')] / 1000:.0f}",
        ]
        lines.append(f"| {_TITLES.get(name, f'LoRA, drawings: {name}')} | {' | '.join(cells)} |")
    ceilings = [figures[f"lora_{ZERO_SHOT}_{kind}_ceiling"] for kind in ("identity", "prompt")]
    lines.append(f"| true drawings | {ceilings[0]:.2f} | {ceilings[1]:.2f} | | |")
    if not figures["qlora_ran"]:
        lines.append("\nQLoRA: not run, for bitsandbytes is not installed.")
    return "\n".join(lines)


def _key(arm: str) -> str:
    """Return the pattern of an arm's names in the report."""
    if arm == QLORA:
        return "qlora_{}"
    return f"lora_{{}}_{arm}" if arm.isdigit() else f"lora_{arm}_{{}}"


def main() -> None:
    """Compare, or choose a learning rate."""
    options = _arguments()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    size = QUICK if options.quick else WHOLE
    size = Size(
        persons=size.persons if options.persons is None else options.persons,
        drawings=size.drawings if options.drawings is None else tuple(options.drawings),
        seeds=size.seeds,
        steps=size.steps if options.steps is None else options.steps,
    )
    training = LoraOptions(steps=size.steps)
    if options.choose:
        figures = choose(options.repository, size, training)
        for name, value in figures.items():
            print(f"{name:40s} {value:.4f}")
        write_report("lora_choice", figures)
        return
    figures, arms, sitting = compare(options.repository, size, training)
    print(f"{table(figures, arms)}\n{write_report('lora', figures)}")
    columns = {
        _TITLES.get(name, f"drawings: {name}"): list(arm.pictures[:, 0])
        for name, arm in arms.items()
    }
    write_sheet(REPORTS / "lora.png", sitting.runs[0], columns)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.comparisons.lora", description=__doc__)
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository")
    parser.add_argument("--quick", action="store_true", help="few persons and steps")
    parser.add_argument("--choose", action="store_true", help="try learning rates, on others")
    parser.add_argument("--persons", type=int)
    parser.add_argument("--drawings", type=int, nargs="+", help="for a LoRA each")
    parser.add_argument("--steps", type=int, help="of training")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
