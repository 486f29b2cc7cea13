"""The networks of an inversion: those of a repository, asked without conditions."""

import numpy as np
import pytest
import torch

from instantid_server.contract import MarkState
from instantid_server.trust.inversion_networks import InversionNetworks
from instantid_server.trust.noise_match import judge, likeness
from scripts.pocket.generation import GenerationOptions
from scripts.provenance.sitters import LATENTS_SHAPE, SOURCE, Sitters
from scripts.reports import ROOT

REPOSITORY = ROOT / "model_repository"


@pytest.fixture(scope="module")
def networks() -> InversionNetworks:
    return InversionNetworks.load(REPOSITORY)


def test_pictures_of_the_repository_show_their_own_noise_and_no_other(
    networks: InversionNetworks,
) -> None:
    pictures = Sitters.invite(REPOSITORY, persons=2).draw(GenerationOptions(guidance_scale=1.0))
    noises = torch.stack([SOURCE.draw(seed, LATENTS_SHAPE)[0] for seed in range(2)])
    estimates = networks.invert(pictures)
    assert judge([likeness(estimates, noises)]) is MarkState.OURS
    assert judge([likeness(estimates, noises.flip(0))]) is MarkState.NONE


def test_picture_alone_is_inverted_as_it_is_among_others(networks: InversionNetworks) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (2, 64, 96, 3), np.uint8)
    together = networks.invert(pictures)
    assert together.shape == (2, LATENTS_SHAPE[0], 8, 12)
    torch.testing.assert_close(networks.invert(pictures[1:]), together[1:], atol=1e-4, rtol=1e-4)
