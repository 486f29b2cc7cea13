"""Arms: the ways to pictures of a person that are compared, each of the same cases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scripts.comparisons.drawn_cases import face_embeddings
from scripts.comparisons.lora_training import (
    LoraOptions,
    lesson_of,
    lora_bytes,
    remove_lora,
    train_lora,
    with_trigger,
)
from scripts.evaluate.cases import Case, cases_of
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import measure
from scripts.evaluate.statistics import identity_ratio, prompt_accuracy
from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.captions import full_caption
from scripts.pocket.export import Networks
from scripts.pocket.generation import GenerationOptions, generate
from scripts.pocket.networks import EMBEDDING_WIDTH
from scripts.pocket.prompts import PromptEncoder

_DIALS = GenerationOptions()
_NOBODY: Floats = np.zeros(EMBEDDING_WIDTH, np.float32)


@dataclass(frozen=True)
class Arm:
    """What came of one way, and what it cost for each person."""

    pictures: Picture  # [persons, seeds, 128, 128, 3]
    seconds: float = 0.0
    size_bytes: int = 0


@dataclass(frozen=True)
class Sitting:
    """Persons with one scene each, to be drawn from the noise of several seeds."""

    prompts: PromptEncoder
    persons: range
    seeds: Sequence[int]

    @property
    def runs(self) -> list[list[Case]]:
        """The cases of each seed."""
        return [cases_of(self.persons, seed) for seed in self.seeds]

    def zero_shot(self, networks: Networks, repository: Path) -> Arm:
        """Draw each person as the server does, from the reference alone."""
        references = [case.reference.picture for case in self.runs[0]]
        faces = dict(zip(self.persons, face_embeddings(repository, references), strict=True))

        def draw(case: Case) -> Picture:
            return self._draw(networks, case, full_caption(case.scene), faces[case.person], _DIALS)

        return Arm(self._each(draw))

    def nobody(self, networks: Networks) -> Arm:
        """Draw each scene and pose with nobody's face: what a LoRA starts from."""

        def draw(case: Case) -> Picture:
            return self._draw(networks, case, full_caption(case.scene), _NOBODY, _DIALS)

        return Arm(self._each(draw))

    def lora(self, networks: Networks, drawings: int, options: LoraOptions) -> Arm:
        """Train a LoRA for each person on so many drawings, and draw with it."""
        seconds, sizes = [], []
        dials = replace(
            _DIALS, ip_adapter_scale=options.scale, controlnet_conditioning_scale=options.scale
        )

        def draw(case: Case) -> Picture:
            lesson = lesson_of(case.person, drawings)
            seconds.append(train_lora(networks, self.prompts, lesson, options))
            sizes.append(lora_bytes(networks.unet))
            caption = with_trigger(full_caption(case.scene))
            pictures = self._draw(networks, case, caption, _NOBODY, dials)
            remove_lora(networks.unet)
            return pictures

        return Arm(self._each(draw), float(np.mean(seconds)), max(sizes))

    def figures(self, arm: Arm, examiner: Examiner, name: str) -> dict[str, float]:
        """Return identity and prompt of an arm, each with noise, spread and ceiling."""
        scores = [
            examiner.score(cases, list(arm.pictures[:, row])) for row, cases in enumerate(self.runs)
        ]
        truth = examiner.score_truth(self.runs[0])
        identity = measure(identity_ratio, scores, truth)
        prompt = measure(prompt_accuracy, scores, truth)
        return identity.flat(name.format("identity")) | prompt.flat(name.format("prompt"))

    def _each(self, draw: Callable[[Case], Picture]) -> Picture:
        return np.stack([draw(case) for case in self.runs[0]])

    def _draw(
        self,
        networks: Networks,
        case: Case,
        caption: str,
        embedding: Floats,
        dials: GenerationOptions,
    ) -> Picture:
        """Return a picture for each seed.

        Those of a person start from the same noise in all arms.
        """
        rows = len(self.seeds)
        return generate(
            networks,
            self.prompts,
            [caption] * rows,
            np.repeat(embedding[None], rows, axis=0),
            np.repeat(case.truth.keypoints[None], rows, axis=0),
            replace(dials, seed=case.person),
        )
