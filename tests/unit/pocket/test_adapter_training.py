"""Training of the identity parts: what a sample tells the networks, and how exact they are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scripts.pocket.adapter_training import random_scales, train_adapter
from scripts.pocket.adoption import adopt_repository
from scripts.pocket.drawings import load_drawings, make_drawings
from scripts.pocket.latents import LatentCache
from scripts.pocket.precision import fast_precision, keep_group_norms_single
from scripts.pocket.trained import conditioned_base, trained_vae
from scripts.pocket.training_state import RunOptions
from scripts.reports import ROOT


@pytest.mark.parametrize("frozen", [False, True], ids=["joint", "base-frozen"])
def test_a_step_changes_what_is_to_be_trained_and_nothing_else(
    frozen: bool, tmp_path: Path
) -> None:
    adopt_repository(ROOT / "model_repository", tmp_path)
    make_drawings(tmp_path / "drawings", persons=2, processes=1)
    drawings = load_drawings(tmp_path / "drawings")
    latents = LatentCache(trained_vae(tmp_path, drawings), drawings, tmp_path / "latents")
    network = conditioned_base(tmp_path)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    embeddings = np.random.default_rng(0).normal(size=(2, 6, 512)).astype(np.float32)
    options = RunOptions(tmp_path / "run.pt", minutes=1e-4, learning_rate=1e-3)
    train_adapter(network, latents, embeddings, drawings, options, freeze_base=frozen)
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    assert {
        "parts.resampler.proj_in.weight",
        "parts.adapter.1.to_v_ip.weight",
        "parts.identitynet.conv_in.weight",
    } <= changed
    assert ("base.unet.conv_in.weight" in changed) is not frozen
    of_the_base = {name for name in changed if name.startswith("base.")}
    if frozen:  # the adapter hangs in the base's attention as well
        assert all(".processor." in name for name in of_the_base)


def test_either_part_now_and_then_has_to_do_without_the_other() -> None:
    adapter, identitynet = random_scales(4000, np.random.default_rng(0))
    assert 0.1 < (identitynet == 0).float().mean() < 0.2
    assert 0.05 < (adapter == 0).float().mean() < 0.15
    assert not ((adapter == 0) & (identitynet == 0)).any()
    at_work = torch.cat([adapter[adapter > 0], identitynet[identitynet > 0]])
    assert at_work.min() >= 0.7
    assert at_work.max() <= 0.9


def test_fast_precision_is_near_the_exact_one() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.Conv2d(16, 8, 3, padding=1)
    )
    keep_group_norms_single(network)
    pictures = torch.randn(4, 8, 16, 16)
    exact = network(pictures)
    with fast_precision():
        fast = network(pictures).float()
    assert (fast - exact).norm() < 0.02 * exact.norm()


def test_group_norms_compute_in_single_precision() -> None:
    norm = nn.GroupNorm(2, 4)
    keep_group_norms_single(norm)
    assert norm(torch.randn(1, 4, 2, 2).bfloat16()).dtype == torch.float32
