"""The noise mark, measured: how well pictures of the pocket weights show the noise they began as.

Every picture is made as a server makes it: 20 steps, face, IdentityNet and adapter at 0.8, keyed
noise, pixel mark; then it is edited. The inversion knows the picture alone. The weights predict v
from 12 channels of 16 x 16 latents, so a cosine by chance has a deviation of 0.018.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from instantid_server.contract import SCHEDULERS, MarkState
from instantid_server.images import RGB
from instantid_server.noise import NoiseSource
from instantid_server.trust.deep_check import resized
from instantid_server.trust.inversion import NUM_INVERSION_STEPS
from instantid_server.trust.inversion_networks import InversionNetworks
from instantid_server.trust.noise_match import FALSE_OURS, judge, likeness, threshold
from instantid_server.trust.noise_traces import noise_traces
from scripts.pocket.arrays import Picture
from scripts.pocket.generation import GenerationOptions
from scripts.provenance.edits import EDITS, Edit, jpeg
from scripts.provenance.sitters import LATENTS_SHAPE, SOURCE, Sitters, marked
from scripts.reports import ROOT

PERSONS = 32
PERSONS_QUICK = 6
_OPTIONS = GenerationOptions(guidance_scale=5.0)  # as strangers draw: the public default
_STRANGER = NoiseSource(bytes(32))  # another server's key
_STRANGE_NOISES = 200
_TRACES = 2  # of each record
_COVERED_PX = 3  # a tenth of a picture's area, all round


@dataclass(frozen=True)
class Condition:
    """How pictures are made, what happens to them, and how they are inverted."""

    name: str
    options: GenerationOptions = _OPTIONS
    edit: Callable[[Picture], Picture] = marked
    num_inversion_steps: int = NUM_INVERSION_STEPS
    knows_prompt: bool = False


@dataclass(frozen=True)
class Row:
    """What is found in the pictures of one condition."""

    name: str
    recognised: float  # share of pictures
    cosine_initial: float  # mean, with the initial noise
    cosine_all: float  # mean, with the sum of all noise


@dataclass
class Chance:
    """What is found where there is nothing to find."""

    highest: float = 0.0
    compared: int = 0
    false_positives: int = 0
    _strangers: Tensor = field(
        default_factory=lambda: torch.stack(
            [_STRANGER.draw(seed, LATENTS_SHAPE)[0] for seed in range(_STRANGE_NOISES)]
        )
    )

    def add(self, estimates: Tensor, noises: Tensor | None = None) -> None:
        """Compare each estimate with each of the noises; None: with those of another server."""
        noises = self._strangers if noises is None else noises
        cosines = torch.nn.functional.normalize(estimates.flatten(1)) @ (
            torch.nn.functional.normalize(noises.flatten(1)).T
        )
        passing = threshold(FALSE_OURS, _TRACES) / noises[0].numel() ** 0.5
        self.highest = max(self.highest, float(cosines.max()))
        self.compared += cosines.numel()
        self.false_positives += int((cosines >= passing).sum())


def measure(quick: bool) -> dict[str, float]:
    """Return for each condition the share recognised and mean cosines, and what chance does."""
    repository = ROOT / "model_repository"
    networks = InversionNetworks.load(repository)
    sitters = Sitters.invite(repository, PERSONS_QUICK if quick else PERSONS)
    conditions = _few_conditions() if quick else _all_conditions()
    chance = Chance()
    rows = list(_measure_rows(conditions, sitters, networks, chance))
    drawings = networks.invert(np.stack(sitters.drawings))
    traces = [trace for of_one in _traces(len(sitters), _OPTIONS) for trace in of_one]
    chance.add(drawings)
    chance.add(drawings, torch.stack(traces))
    figures: dict[str, float] = {}
    for row in rows:
        figures[f"noise_recognised_{row.name}"] = row.recognised
        figures[f"noise_cosine_{row.name}"] = row.cosine_initial
        figures[f"noise_cosine_all_{row.name}"] = row.cosine_all
    return figures | {
        "noise_pictures": len(sitters),
        "noise_false_positives": chance.false_positives,
        "noise_null_compared": chance.compared,
        "noise_null_max": chance.highest,
    }


def _few_conditions() -> list[Condition]:
    ancestral = replace(_OPTIONS, scheduler=SCHEDULERS["euler_a"])
    return [
        Condition("guidance_5"),
        Condition("jpeg_75", edit=_edited(EDITS["jpeg_75"])),
        Condition("crop_10", edit=_edited(EDITS["crop_10"])),
        Condition("euler_a", ancestral),
    ]


def _all_conditions() -> list[Condition]:
    return [
        *(
            Condition(f"guidance_{scale}", replace(_OPTIONS, guidance_scale=float(scale)))
            for scale in (1, 3, 5, 7)
        ),
        *(
            Condition(short.replace("+", "p"), replace(_OPTIONS, scheduler=name))
            for short, name in SCHEDULERS.items()
            if name != _OPTIONS.scheduler
        ),
        Condition("unmarked", edit=lambda pictures: pictures),
        Condition("jpeg_90", edit=_edited(jpeg(90))),
        *(Condition(name, edit=_edited(edit)) for name, edit in EDITS.items() if name != "none"),
        Condition("covered_10", edit=_edited(_cover_edges)),
        *(Condition(f"inverted_in_{n}", num_inversion_steps=n) for n in (5, 20, 50)),
        Condition("with_prompt", knows_prompt=True),
    ]


def _edited(edit: Edit) -> Callable[[Picture], Picture]:
    """Return what happens to pictures that are marked, edited and then checked."""

    def edit_each(pictures: Picture) -> Picture:
        size = (pictures.shape[2], pictures.shape[1])
        return np.stack([resized(edit(picture), size) for picture in marked(pictures)])

    return edit_each


def _cover_edges(picture: RGB) -> RGB:
    inside = slice(_COVERED_PX, -_COVERED_PX)
    covered = np.full_like(picture, 128)
    covered[inside, inside] = picture[inside, inside]
    return covered


def _measure_rows(
    conditions: list[Condition], sitters: Sitters, networks: InversionNetworks, chance: Chance
) -> Iterator[Row]:
    made: dict[GenerationOptions, Picture] = {}
    positive = slice(len(sitters), None)  # the rows with conditions come second
    knowing = replace(
        networks,
        prompt_embeds=sitters.conditions.prompt_embeds[positive],
        pooled_prompt_embeds=sitters.conditions.pooled[positive],
    )
    for condition in conditions:
        if condition.options not in made:
            made[condition.options] = sitters.draw(condition.options)
        pictures = condition.edit(made[condition.options])
        inverting = knowing if condition.knows_prompt else networks
        estimates = inverting.invert(pictures, condition.num_inversion_steps)
        chance.add(estimates)
        yield _row(condition, estimates)


def _row(condition: Condition, estimates: Tensor) -> Row:
    found = [
        [likeness(estimate, trace) for trace in traces]
        for estimate, traces in zip(
            estimates, _traces(len(estimates), condition.options), strict=True
        )
    ]
    cosines = np.array([[like.cosine for like in of_picture] for of_picture in found])
    recognised = [judge(of_picture) is MarkState.OURS for of_picture in found]
    return Row(condition.name, float(np.mean(recognised)), *cosines.mean(0).tolist())


def _traces(pictures: int, options: GenerationOptions) -> Iterator[list[Tensor]]:
    for seed in range(pictures):
        yield list(noise_traces(SOURCE, seed, LATENTS_SHAPE, options.num_inference_steps))


def table(figures: Mapping[str, float]) -> str:
    """Return the figures in lines for people."""
    prefix = "noise_recognised_"
    lines = [f"{'condition':18} recognised  cosine: initial noise  all noise"]
    for name in (key.removeprefix(prefix) for key in figures if key.startswith(prefix)):
        recognised = figures[prefix + name]
        initial, every = figures[f"noise_cosine_{name}"], figures[f"noise_cosine_all_{name}"]
        lines.append(f"{name:18} {recognised:10.0%} {initial:22.3f} {every:10.3f}")
    lines.append(
        f"chance: highest of {figures['noise_null_compared']:.0f} cosines "
        f"{figures['noise_null_max']:.3f}, {figures['noise_false_positives']:.0f} pass"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m scripts.provenance.noise", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures and conditions")
    torch.set_num_threads(1)
    print(table(measure(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
