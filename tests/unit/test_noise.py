"""Noise: unit noise to everybody, and drawn again by whoever holds the key."""

import pytest
import torch
from scipy.stats import kstest

from instantid_server.noise import NoiseSource, picture_seed
from scripts.known_keys import NOISE_KEY

SHAPE = (4, 8, 12)
LARGE_SHAPE = (4, 128, 128)  # the latents of a picture of 1024 x 1024
DEVIATION = 1 / (4 * 128 * 128) ** 0.5  # of the correlation of two independent large noises
LOWEST, HIGHEST = -(2**63), 2**63 - 1

ours = NoiseSource(NOISE_KEY)


def cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(torch.cosine_similarity(first.flatten(), second.flatten(), dim=0))


@pytest.mark.parametrize(
    ("seed", "index", "expected"),
    [
        (0, 0, 0),
        (7, 3, 10),
        (-1, 1, 0),
        (LOWEST, 0, LOWEST),
        (HIGHEST, 0, HIGHEST),
        (HIGHEST, 1, LOWEST),
        (HIGHEST, 7, LOWEST + 6),
    ],
)
def test_pictures_count_seeds_on_and_wrap_at_the_end(seed: int, index: int, expected: int) -> None:
    assert picture_seed(seed, index) == expected


def test_noise_is_the_one_that_pictures_on_record_were_made_from() -> None:
    noise, generator = NoiseSource(bytes(range(32)), "anna").draw(7, SHAPE)
    first = [0.24344737827777863, 0.3816981613636017, 0.4356096386909485, -0.9836739301681519]
    torch.testing.assert_close(noise.flatten()[:4], torch.tensor(first))
    assert generator.initial_seed() == 96727512519133586


@pytest.mark.parametrize("seed", [LOWEST, -1, 0, HIGHEST])
def test_any_int64_is_a_seed_that_can_be_used_again(seed: int) -> None:
    first, _ = ours.draw(seed, SHAPE)
    assert torch.equal(first, ours.draw(seed, SHAPE)[0])


def test_picture_alone_starts_as_it_does_among_others() -> None:
    together = [ours.draw(picture_seed(HIGHEST, k), SHAPE)[0] for k in range(3)]
    assert torch.equal(together[2], ours.draw(LOWEST + 1, SHAPE)[0])
    assert not torch.equal(together[0], together[1])


def test_noise_is_normal_in_its_whole_course() -> None:
    noise, _ = ours.draw(0, LARGE_SHAPE)
    assert (noise.shape, noise.dtype) == (LARGE_SHAPE, torch.float32)
    assert noise.isfinite().all()
    assert kstest(noise.double().flatten().numpy(), "norm").pvalue > 0.001


def test_neighbouring_values_tell_nothing_of_each_other() -> None:
    values = ours.draw(0, LARGE_SHAPE)[0].flatten()
    assert abs(cosine(values[1:], values[:-1])) < 4 * DEVIATION


@pytest.mark.parametrize(
    "other",
    [
        NoiseSource(bytes([NOISE_KEY[0] ^ 1, *NOISE_KEY[1:]])).draw(5, LARGE_SHAPE),
        NoiseSource(NOISE_KEY, "anna").draw(5, LARGE_SHAPE),
        ours.draw(6, LARGE_SHAPE),
    ],
    ids=["key", "tenant", "seed"],
)
def test_another_key_tenant_or_seed_draws_independent_noise(
    other: tuple[torch.Tensor, torch.Generator],
) -> None:
    noise, generator = ours.draw(5, LARGE_SHAPE)
    assert abs(cosine(noise, other[0])) < 4 * DEVIATION
    assert generator.initial_seed() != other[1].initial_seed()


def test_generator_draws_other_noise_and_is_the_pictures_own() -> None:
    (noise, first), (_, second) = ours.draw(1, LARGE_SHAPE), ours.draw(1, LARGE_SHAPE)
    torch.rand(3)  # the global generator plays no part
    drawn = torch.randn(LARGE_SHAPE, generator=first)
    assert torch.equal(drawn, torch.randn(LARGE_SHAPE, generator=second))
    assert abs(cosine(drawn, noise)) < 4 * DEVIATION


def test_any_name_of_a_tenant_that_json_can_hold_draws_noise() -> None:
    names = ["", "ann", "anna", "Änna", "\ud800"]
    drawn = {NoiseSource(NOISE_KEY, name).draw(1, SHAPE)[1].initial_seed() for name in names}
    assert len(drawn) == len(names)


def test_key_is_not_told() -> None:
    assert repr(ours) == "NoiseSource(tenant='')"
