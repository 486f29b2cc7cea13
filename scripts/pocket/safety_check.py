"""How well the stand-in for a safety checker tells pictures with a badge from those without."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from instantid_server.contract import SAFETY
from instantid_server.node import NodeContext, call_nobody
from instantid_server.stages.safety import SafetyChecker
from scripts.pocket.arrays import Picture
from scripts.pocket.drawings import Drawings, drawing_of
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.safety_training import judged_picture

_ADJUSTMENT = 0.0  # the policy's default


def served_safety_checker(repository: Path) -> SafetyChecker:
    """Return the checker that a model repository holds, loaded for this process."""
    context = NodeContext(
        directory=repository / SAFETY.name / "1",
        parameters={"num_threads": str(torch.get_num_threads())},
        device_id=0,
        max_batch_size=1,
        output_types={},
        call=call_nobody,
    )
    return SafetyChecker.load(context, _ADJUSTMENT)


def share_flagged(checker: SafetyChecker, pictures: Sequence[Picture]) -> float:
    """Return which share of pictures of one size may not leave a server."""
    (outcome,) = checker.run([{"image": torch.from_numpy(np.stack(pictures))}])
    if not isinstance(outcome, Mapping):
        raise outcome
    return float(outcome["flagged"].float().mean())


def check_safety(checker: SafetyChecker, persons: int) -> dict[str, float]:
    """Return the shares flagged of pictures with a badge and without, of persons never seen.

    They are spoilt as in training; every fourth of those without a badge has what looks like one.
    """
    portraits = [drawing_of(FIRST_UNSEEN_SEED + person, 0) for person in range(persons)]
    drawings = Drawings(
        np.stack([portrait.picture for portrait in portraits]),
        np.stack([portrait.keypoints for portrait in portraits]),
    )
    rng = np.random.default_rng(FIRST_UNSEEN_SEED)
    with_badge, without = (
        [judged_picture(drawings, rng, badge) for _ in range(persons)] for badge in (True, False)
    )
    return {
        "safety_recall": share_flagged(checker, with_badge),
        "safety_false_alarms": share_flagged(checker, without),
        "safety_drawings_flagged": share_flagged(checker, list(drawings.pictures)),
    }
