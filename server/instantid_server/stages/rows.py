"""Rows of a batch: requests of one shape go through the network together, in one forward."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from instantid_server.errors import InstantIDError, InvalidInput

TorchTensors: TypeAlias = Mapping[str, Tensor]
TorchOutcome: TypeAlias = Mapping[str, Tensor] | InstantIDError


def run_by_shape(
    requests: Sequence[TorchTensors],
    check: Callable[[TorchTensors], None],
    forward: Callable[[dict[str, Tensor], int], Mapping[str, Tensor]],
    device: torch.device,
) -> list[TorchOutcome]:
    """Stack requests whose tensors differ in rows alone, run `forward` on each stack, split again.

    `check` raises an InstantIDError for a request that must not enter a stack. `forward` gets the
    stacked tensors (rows, ...) on `device` and how many requests they came from. Timesteps, scales
    and users may differ within a stack: they are values of rows, not shapes.
    """
    outcomes: dict[int, TorchOutcome] = {}
    stacks: dict[object, list[int]] = defaultdict(list)
    for index, request in enumerate(requests):
        try:
            check(request)
        except InstantIDError as error:
            outcomes[index] = error
        else:
            stacks[tuple((name, *request[name].shape[1:]) for name in request)].append(index)
    for members in stacks.values():
        stacked = {
            # One request's tensor may come from a GPU, and its neighbour's from the CPU.
            name: torch.cat([requests[index][name].to(device) for index in members])
            for name in requests[members[0]]
        }
        try:
            outputs = forward(stacked, len(members))
        except InstantIDError as error:  # of a stage that it called
            outcomes.update(dict.fromkeys(members, error))
            continue
        rows = [len(next(iter(requests[index].values()))) for index in members]
        parts = {name: tensor.split(rows) for name, tensor in outputs.items()}
        for position, index in enumerate(members):
            outcomes[index] = {name: split[position] for name, split in parts.items()}
    return [outcomes[index] for index in range(len(requests))]


def check_shape(tensors: TorchTensors, name: str, expected: tuple[int | None, ...]) -> None:
    """Raise InvalidInput unless `name` has the `expected` dims after the rows; None: any."""
    got = tuple(tensors[name].shape[1:])
    fits = len(got) == len(expected) and all(
        want is None or want == have for want, have in zip(expected, got, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in expected)
        raise InvalidInput(f"{name}: expected the shape ({wanted}), got {got}")
