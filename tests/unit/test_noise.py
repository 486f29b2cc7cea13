"""Noise: decided by the seed of a picture alone."""

import pytest
import torch

from instantid_server.noise import initial_noise, picture_seed

SHAPE = (4, 8, 12)
LOWEST, HIGHEST = -(2**63), 2**63 - 1


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


@pytest.mark.parametrize("seed", [LOWEST, -1, 0, HIGHEST])
def test_any_int64_is_a_seed_that_can_be_used_again(seed: int) -> None:
    first, _ = initial_noise(seed, SHAPE)
    assert torch.equal(first, initial_noise(seed, SHAPE)[0])


def test_picture_alone_starts_as_it_does_among_others() -> None:
    together = [initial_noise(picture_seed(HIGHEST, k), SHAPE)[0] for k in range(3)]
    assert torch.equal(together[2], initial_noise(LOWEST + 1, SHAPE)[0])
    assert not torch.equal(together[0], together[1])


def test_noise_is_unit_and_of_the_shape_asked_for() -> None:
    noise, _ = initial_noise(0, (4, 64, 64))
    assert (noise.shape, noise.dtype) == ((4, 64, 64), torch.float32)
    assert noise.mean().abs() < 0.05
    assert abs(noise.std() - 1) < 0.05


def test_generator_goes_on_after_the_noise_and_is_the_pictures_own() -> None:
    (_, first), (_, second) = initial_noise(1, SHAPE), initial_noise(1, SHAPE)
    torch.rand(3)  # the global generator plays no part
    drawn = torch.randn(SHAPE, generator=first)
    assert torch.equal(drawn, torch.randn(SHAPE, generator=second))
    assert not torch.equal(drawn, initial_noise(1, SHAPE)[0])
