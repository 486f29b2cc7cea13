"""Where and how precisely a network computes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from instantid_server.node import NodeContext
from instantid_server.settings import SettingsError
from instantid_server.stages.compute import Compute, without_weights


def context(parameters: Mapping[str, str], output_types: Mapping[str, str]) -> NodeContext:
    def refuse(*_: object) -> Any:
        raise AssertionError("nothing is called here")

    return NodeContext(Path(), parameters, 3, 8, output_types, refuse)


@pytest.mark.parametrize(
    ("parameters", "device", "dtype"),
    [
        ({}, "cpu", torch.float32),
        ({"device": "cpu", "dtype": "bfloat16"}, "cpu", torch.bfloat16),
        ({"device": "cuda", "dtype": "float16"}, "cuda:3", torch.float16),
    ],
    ids=["default", "cpu", "gpu-of-the-instance"],
)
def test_device_and_dtype_come_from_the_config(
    parameters: dict[str, str], device: str, dtype: torch.dtype
) -> None:
    compute = Compute.from_context(context(parameters, {}))
    assert (compute.device, compute.dtype) == (torch.device(device), dtype)


@pytest.mark.parametrize(
    ("output_types", "dtype"),
    [
        ({"noise_pred": "FP16", "batch_requests": "INT32"}, torch.float16),
        ({"batch_requests": "INT32", "noise_pred": "FP32"}, torch.float32),
        ({"image": "UINT8"}, torch.float32),
    ],
)
def test_results_leave_in_the_type_of_the_configs_outputs(
    output_types: dict[str, str], dtype: torch.dtype
) -> None:
    compute = Compute.from_context(context({"dtype": "bfloat16"}, output_types))
    assert compute.give(torch.ones(1, dtype=torch.bfloat16)).dtype == dtype


def test_unknown_parameter_keeps_a_node_from_loading() -> None:
    with pytest.raises(SettingsError, match="unknown parameter precision"):
        Compute.from_context(context({"precision": "half"}, {}))


def test_threads_are_those_of_the_config() -> None:
    before = torch.get_num_threads()
    try:
        Compute.from_context(context({"num_threads": "3"}, {}))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_floats_are_taken_in_the_dtype_computed_in_and_times_in_full() -> None:
    compute = Compute.from_context(context({"dtype": "bfloat16"}, {}))
    names = ("latents", "timestep", "time_ids")
    taken = compute.take({**dict.fromkeys(names, torch.tensor([999.0])), "ids": torch.tensor([7])})
    assert taken["latents"].dtype == torch.bfloat16
    assert (taken["timestep"].item(), taken["time_ids"].item()) == (999.0, 999.0)
    assert taken["ids"].dtype == torch.int64


def test_network_is_filled_in_the_dtype_computed_in() -> None:
    compute = Compute.from_context(context({"dtype": "float16"}, {}))
    with without_weights():
        network = nn.Linear(2, 1)
    compute.fill(network, {"weight": torch.ones(1, 2), "bias": torch.ones(1)})
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float16}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.ones(1, 2)}, "Missing key"),
        ({"weight": torch.ones(1, 2), "bias": torch.ones(1), "b": torch.ones(1)}, "Unexpected key"),
        ({"weight": torch.ones(1, 5), "bias": torch.ones(1)}, "size mismatch"),
    ],
    ids=["missing", "unexpected", "other-shape"],
)
def test_weights_that_do_not_fit_are_refused(
    tensors: dict[str, torch.Tensor], message: str
) -> None:
    with without_weights():
        network = nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match=message):
        Compute.from_context(context({}, {})).fill(network, tensors)


def test_ready_network_neither_learns_nor_drops() -> None:
    network = Compute.from_context(context({}, {})).ready(nn.Sequential(nn.Linear(1, 1)))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(("largest", "fits"), [(60_000.0, True), (70_000.0, False)])
def test_weights_that_overflow_in_half_precision_are_refused(largest: float, fits: bool) -> None:
    compute = Compute.from_context(context({"dtype": "float16"}, {}))
    with without_weights():
        network = nn.Linear(1, 1, bias=False)
    tensors = {"weight": torch.tensor([[largest]])}
    if fits:
        compute.fill(network, tensors)
        assert network.weight.item() == pytest.approx(largest, rel=1e-3)
    else:
        with pytest.raises(OverflowError, match="weight: its values overflow in float16"):
            compute.fill(network, tensors)
