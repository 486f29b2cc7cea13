"""What a sweep along a dial says of its default."""

import numpy as np
import pytest

from scripts.evaluate.dials import Sweep, plot_sweep
from scripts.evaluate.scores import Scores
from tests.unit.evaluate.made_up import made_up_scores

PERSONS = 30


def around(cosine: float, seed: int = 0) -> Scores:
    noise = np.random.default_rng(seed).normal(0, 0.05, size=PERSONS)
    return made_up_scores(list(np.clip(cosine + noise, -0.95, 0.95)))


def sweep(cosines: dict[float, float]) -> Sweep:
    runs = {scale: around(cosine, seed) for seed, (scale, cosine) in enumerate(cosines.items())}
    return Sweep(0.8, runs, around(0.8))


def test_identity_that_rises_and_then_stays_falls_nowhere() -> None:
    assert sweep({0.0: 0.1, 0.4: 0.5, 0.8: 0.6, 1.2: 0.6}).identity_falls() == 0


def test_identity_that_drops_before_the_default_is_told() -> None:
    assert sweep({0.0: 0.1, 0.4: 0.7, 0.8: 0.5, 1.2: 0.6}).identity_falls() == 1


def test_identity_may_fall_beyond_the_default_where_pictures_burn() -> None:
    assert sweep({0.0: 0.1, 0.8: 0.6, 1.0: 0.4, 1.2: 0.2}).identity_falls() == 0


def test_default_loses_to_a_position_that_is_surely_better() -> None:
    assert sweep({0.0: 0.1, 0.4: 0.7, 0.8: 0.5}).default_loss() > 0.1


def test_default_loses_nothing_to_a_position_that_is_better_by_chance() -> None:
    assert sweep({0.0: 0.1, 0.4: 0.501, 0.8: 0.5}).default_loss() == 0.0


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_sweep_is_drawn(tmp_path, suffix) -> None:
    path = tmp_path / f"dial.{suffix}"
    plot_sweep(path, "ip_adapter_scale", sweep({0.0: 0.1, 0.8: 0.5}))
    assert path.stat().st_size > 1000
