"""Training of the identity parts: what a sample tells the networks, and how exact they are."""

import numpy as np
import torch
from torch import nn

from scripts.pocket.adapter_training import random_scales
from scripts.pocket.precision import fast_precision, keep_group_norms_single


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
