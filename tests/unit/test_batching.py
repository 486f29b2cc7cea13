"""Rows in a batch equal rows alone: who else is drawn changes nobody's picture."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from batches import stage_inputs

from instantid_server.node import NodeContext
from instantid_server.stages.identitynet import IdentityNet
from instantid_server.stages.unet import Unet

Context = Callable[[str], NodeContext]
STAGES = {"unet": (Unet, "noise_pred"), "identitynet": (IdentityNet, "residuals")}
each_stage = pytest.mark.parametrize("name", STAGES)


def tensors(name: str, seed: int, rows: int = 1) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(array) for key, array in stage_inputs(name, seed, rows).items()}


@each_stage
@pytest.mark.parametrize("others", [1, 3])
def test_row_in_a_batch_equals_the_row_alone(name: str, others: int, node_context: Context) -> None:
    # The matrix products differ: their library chooses another order of sums for more rows.
    kind, output = STAGES[name]
    stage = kind.load(node_context(name))
    batch = [tensors(name, seed) for seed in range(others + 1)]
    together = stage.run(batch)
    for request, outcome in zip(batch, together, strict=True):
        (alone,) = stage.run([request])
        torch.testing.assert_close(outcome[output], alone[output], atol=1e-5, rtol=1e-5)


@each_stage
def test_rows_of_a_request_are_independent_of_each_other(name: str, node_context: Context) -> None:
    kind, output = STAGES[name]
    stage = kind.load(node_context(name))
    pair = tensors(name, 1, rows=2)
    (together,) = stage.run([pair])
    second = {key: tensor[1:] for key, tensor in pair.items()}
    (alone,) = stage.run([second])
    torch.testing.assert_close(together[output][1:], alone[output], atol=1e-5, rtol=1e-5)


@each_stage
def test_timestep_of_a_row_is_its_own(name: str, node_context: Context) -> None:
    kind, output = STAGES[name]
    stage = kind.load(node_context(name))
    early, late = tensors(name, 1), tensors(name, 1)
    late["timestep"] = torch.tensor([[900.0]])
    first, second = stage.run([early, late])
    assert (first[output] - second[output]).abs().max() > 1e-4


@each_stage
def test_neighbouring_timesteps_stay_apart_in_reduced_precision(
    name: str, node_context: Context
) -> None:
    # bfloat16 itself knows 996 and 1000 and nothing between.
    kind, output = STAGES[name]
    context = replace(node_context(name), parameters={"dtype": "bfloat16"})
    stage = kind.load(context)
    outputs = []
    for timestep in (998.0, 1000.0):
        request: dict[str, Any] = {**tensors(name, 1), "timestep": torch.tensor([[timestep]])}
        outputs.append(stage.run([request])[0][output])
    assert not torch.equal(*outputs)


def test_keypoint_map_is_embedded_once_for_all_steps(node_context: Context) -> None:
    stage = IdentityNet.load(node_context("identitynet"))
    embedded: list[object] = []
    stage._embed_map.register_forward_hook(lambda *call: embedded.append(call))
    for seed in (1, 1, 2):
        stage.run([tensors("identitynet", seed)])
    assert len(embedded) == 2


def test_faces_of_one_map_share_it(node_context: Context) -> None:
    stage = IdentityNet.load(node_context("identitynet"))
    request = tensors("identitynet", 1)
    two_faces = request["face_keypoints"].repeat(1, 2, 1, 1)
    (one,), (same,) = stage.run([request]), stage.run([{**request, "face_keypoints": two_faces}])
    torch.testing.assert_close(one["residuals"], same["residuals"])
