"""The match: thresholds that follow from chance alone."""

from statistics import NormalDist

import pytest
import torch

from instantid_server.contract import MarkState
from instantid_server.noise import NoiseSource
from instantid_server.trust.noise_match import FALSE_OURS, Likeness, judge, likeness, threshold
from scripts.known_keys import NOISE_KEY

SHAPE = (4, 32, 32)


def deviating(deviations: float) -> Likeness:
    return Likeness(cosine=deviations / 4096**0.5, num_values=4096)


@pytest.mark.parametrize(
    ("deviations", "state"),
    [
        (0.0, MarkState.NONE),
        (-9.0, MarkState.NONE),  # the noise turned round is another noise
        (3.0, MarkState.NONE),
        (3.2, MarkState.INCONCLUSIVE),
        (4.7, MarkState.INCONCLUSIVE),
        (4.8, MarkState.OURS),
        (64.0, MarkState.OURS),
    ],
)
def test_one_comparison_is_judged_by_its_distance_from_chance(
    deviations: float, state: MarkState
) -> None:
    assert judge([deviating(deviations)]) is state


def test_best_of_many_has_to_be_better() -> None:
    assert judge([deviating(4.8)]) is MarkState.OURS
    assert judge([deviating(4.8), *[deviating(0.0)] * 9]) is MarkState.INCONCLUSIVE


@pytest.mark.parametrize("num_compared", [1, 1000, 1_000_000])
def test_somebody_elses_picture_passes_as_rarely_among_many(num_compared: int) -> None:
    alone = NormalDist().cdf(-threshold(FALSE_OURS, num_compared))
    assert alone * num_compared == pytest.approx(FALSE_OURS, rel=1e-3)


def test_without_a_record_there_is_no_mark() -> None:
    assert judge([]) is MarkState.NONE


def test_cosine_of_an_estimate_and_its_noise_is_found() -> None:
    noise, other = (NoiseSource(NOISE_KEY).draw(seed, SHAPE)[0] for seed in (1, 2))
    estimate = 0.3 * noise + (1 - 0.3**2) ** 0.5 * other
    assert likeness(estimate, noise).cosine == pytest.approx(0.3, abs=4 / noise.numel() ** 0.5)
    assert likeness(estimate, noise).num_values == noise.numel()


def test_chance_is_as_wide_as_the_thresholds_take_it_to_be() -> None:
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(SHAPE, generator=generator)  # any fixed values: a picture has structure
    source = NoiseSource(NOISE_KEY)
    by_chance = [likeness(picture, source.draw(seed, SHAPE)[0]).deviations for seed in range(400)]
    deviation, mean = torch.std_mean(torch.tensor(by_chance))
    assert abs(mean) < 4 / 400**0.5
    assert deviation == pytest.approx(1, abs=4 / 800**0.5)  # four times what 400 draws vary by
