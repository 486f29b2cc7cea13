"""A figure's value, noise, spread and ceiling."""

import numpy as np
import pytest

from scripts.evaluate.figure import bootstrap_noise, measure
from scripts.evaluate.statistics import identity_cosine
from tests.unit.evaluate.made_up import made_up_scores


def test_figure_is_the_mean_of_its_seeds_and_tells_how_far_they_lie_apart() -> None:
    runs = [made_up_scores([cosine] * 4) for cosine in (0.2, 0.3, 0.7)]
    figure = measure(identity_cosine, runs, made_up_scores([0.8] * 4))
    assert figure.value == pytest.approx(0.4)
    assert figure.spread == pytest.approx(0.5)
    assert figure.ceiling == pytest.approx(0.8)
    assert figure.noise == pytest.approx(0.0)  # all persons are alike


def test_noise_is_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(0.0, 2.0, size=400)
    noise = bootstrap_noise(lambda rows: float(values[rows].mean()), 400)
    assert noise == pytest.approx(2.0 / 20, rel=0.2)


def test_figure_is_kept_flat_under_its_name() -> None:
    figure = measure(identity_cosine, [made_up_scores([0.5, 0.5])], made_up_scores([0.8, 0.8]))
    assert {name: round(value, 3) for name, value in figure.flat("identity").items()} == {
        "identity": 0.5,
        "identity_noise": 0.0,
        "identity_spread": 0.0,
        "identity_ceiling": 0.8,
    }
