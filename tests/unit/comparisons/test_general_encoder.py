"""The general encoder: trained by captions, and compared arm against arm on equal terms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.comparisons.general_encoder_arms import PairedArms, train_arms, trained_arms
from scripts.comparisons.general_encoder_figures import differing, embedding_figures
from scripts.comparisons.general_encoder_network import (
    ImageCaptionPair,
    contrastive_loss,
    embed_drawings,
    embed_pictures,
)
from scripts.evaluate.cases import cases_of, unseen_persons
from scripts.judge.attributes import ATTRIBUTES
from scripts.pocket.arrays import Floats
from scripts.pocket.base_training import Base
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, Drawings, drawing_of, scene_of
from scripts.pocket.latents import LatentCache
from scripts.pocket.networks import EMBEDDING_WIDTH
from scripts.pocket.served import served_networks
from scripts.pocket.training_state import RunOptions

REPOSITORY = Path("model_repository")
PERSONS = 2
SAMPLES_A_STEP = 16


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    portraits = [drawing_of(p, i) for p in range(PERSONS) for i in range(PORTRAITS_PER_PERSON)]
    return Drawings(
        np.stack([portrait.picture for portrait in portraits]),
        np.stack([portrait.keypoints for portrait in portraits]),
    )


@pytest.fixture
def base() -> Base:
    served, prompts = served_networks(REPOSITORY)
    return Base(prompts, served.unet)


@pytest.fixture(scope="module")
def pair() -> ImageCaptionPair:
    torch.manual_seed(0)
    return ImageCaptionPair(REPOSITORY / "text_encoder" / "1" / "tokenizer_2")


def predict(arms: PairedArms, embeddings: Floats) -> torch.Tensor:
    torch.manual_seed(0)
    rows = len(embeddings)
    velocities: torch.Tensor = arms(
        torch.randn(rows, 12, 16, 16),
        torch.full((rows,), 500),
        arms.base.prompts(["a portrait"] * rows),
        torch.from_numpy(embeddings),
        torch.rand(rows, 3, 128, 128),
        torch.full((2, rows), 0.8),
        torch.tensor([[128.0, 128, 0, 0, 128, 128]]).repeat(rows, 1),
    )
    return velocities


def test_loss_is_lowest_where_each_picture_has_its_own_caption() -> None:
    matched = 10 * torch.eye(4)
    assert contrastive_loss(matched) < 0.01 < contrastive_loss(matched.flip(0))


def test_embedding_is_as_wide_as_the_recognisers(
    pair: ImageCaptionPair, drawings: Drawings
) -> None:
    embedded = embed_drawings(pair.encoder, drawings)
    assert embedded.shape == (PERSONS, PORTRAITS_PER_PERSON, EMBEDDING_WIDTH)
    last = embed_pictures(pair.encoder, drawings.pictures[-1:])
    np.testing.assert_allclose(embedded[-1, -1], last[0], atol=1e-4)


def test_every_picture_is_compared_with_every_caption(pair: ImageCaptionPair) -> None:
    cosines = pair.eval()(torch.zeros(2, 3, 128, 128), ["a portrait of a person", "a red hat", ""])
    assert cosines.shape == (2, 3)


def test_arms_start_equal_and_are_told_different_things(base: Base) -> None:
    arms = PairedArms(base)
    rng = np.random.default_rng(0)
    same = rng.normal(size=(1, EMBEDDING_WIDTH)).astype(np.float32)
    other = rng.normal(size=(1, EMBEDDING_WIDTH)).astype(np.float32)
    with torch.no_grad():
        for part in arms.parts.parameters():
            part.add_(0.01)  # a new IdentityNet is silent until it is trained
        told_the_same = predict(arms, np.concatenate([same, same], axis=1))
        told_apart = predict(arms, np.concatenate([same, other], axis=1))
    assert torch.equal(told_the_same[0], told_the_same[1])
    assert torch.equal(told_apart[0], told_the_same[0])
    assert not torch.equal(told_apart[1], told_the_same[1])


def test_training_counts_its_samples_and_leaves_the_base_alone(
    base: Base, drawings: Drawings, tmp_path: Path
) -> None:
    served, _ = served_networks(REPOSITORY)
    latents = LatentCache(served.vae, drawings, tmp_path / "latents")
    rng = np.random.default_rng(0)
    general, recogniser = rng.normal(
        size=(2, PERSONS, PORTRAITS_PER_PERSON, EMBEDDING_WIDTH)
    ).astype(np.float32)
    arms = PairedArms(base)
    before = [arm.base.unet.conv_in.weight.clone() for arm in arms.arms.values()]
    options = RunOptions(tmp_path / "arms.pt", 1e-4, 1e-3)
    train_arms(arms, latents, general, recogniser, drawings, options)
    state = torch.load(options.checkpoint, weights_only=True)
    assert state["network"]["samples"] == state["step"] * SAMPLES_A_STEP > 0
    for arm, weight in zip(arms.arms.values(), before, strict=True):
        assert torch.equal(arm.base.unet.conv_in.weight, weight)
    resamplers = [arm.parts.resampler.state_dict() for arm in arms.arms.values()]
    assert not torch.equal(*(state["proj_in.weight"] for state in resamplers))
    for name in arms.arms:
        networks = trained_arms(base, options.checkpoint).networks(served, name)
        assert networks.vae is served.vae
        assert networks.unet is not served.unet


def test_only_what_the_prompt_changes_can_be_copied() -> None:
    asked = cases_of(unseen_persons(3), seed=1)
    worn = [replace(case, scene=scene_of(case.person, 0)) for case in asked]
    changed = differing(worn, asked)
    assert changed[:, list(ATTRIBUTES).index("background")].all()
    assert not differing(asked, asked).any()


def test_a_person_nearer_to_another_is_not_known_again() -> None:
    known = np.eye(4, dtype=np.float32)
    again = 3 * known
    again[3] = known[0] + 0.1 * known[3]
    assert embedding_figures("arm", known, known)["arm_rank_1"] == 1.0
    assert embedding_figures("arm", known, again)["arm_rank_1"] == 0.75
    assert embedding_figures("arm", np.zeros_like(known), again)["arm_same_cosine"] == 0.0
