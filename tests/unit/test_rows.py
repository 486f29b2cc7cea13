"""Rows: requests of one shape share a forward, and each gets its own back."""

from collections.abc import Mapping

import pytest
import torch

from instantid_server.errors import InvalidInput
from instantid_server.stages.rows import check_shape, run_by_shape

CPU = torch.device("cpu")


class Doubler:
    """A network that doubles, and remembers what it was given."""

    def __init__(self) -> None:
        self.stacks: list[tuple[int, int]] = []  # rows, requests

    def check(self, request: Mapping[str, torch.Tensor]) -> None:
        if request["value"].min() < 0:
            raise InvalidInput("value: expected none below 0")

    def forward(
        self, rows: dict[str, torch.Tensor], num_requests: int
    ) -> Mapping[str, torch.Tensor]:
        self.stacks.append((len(rows["value"]), num_requests))
        return {"doubled": rows["value"] * 2}


def requests(*values: list[list[float]]) -> list[dict[str, torch.Tensor]]:
    return [{"value": torch.tensor(value), "scale": torch.ones(len(value), 1)} for value in values]


def test_one_shape_is_one_forward() -> None:
    doubler = Doubler()
    outcomes = run_by_shape(requests([[1.0]], [[2.0]]), doubler.check, doubler.forward, CPU)
    assert doubler.stacks == [(2, 2)]
    assert [outcome["doubled"].tolist() for outcome in outcomes] == [[[2.0]], [[4.0]]]


def test_mixed_shapes_are_grouped_and_come_back_in_order() -> None:
    doubler = Doubler()
    batch = requests([[1.0]], [[2.0, 3.0]], [[4.0], [5.0]], [[6.0, 7.0]])
    outcomes = run_by_shape(batch, doubler.check, doubler.forward, CPU)
    assert doubler.stacks == [(3, 2), (2, 2)]
    expected = [[[2.0]], [[4.0, 6.0]], [[8.0], [10.0]], [[12.0, 14.0]]]
    assert [outcome["doubled"].tolist() for outcome in outcomes] == expected


def test_bad_request_never_enters_a_stack() -> None:
    doubler = Doubler()
    batch = requests([[1.0]], [[-1.0]], [[2.0]])
    first, bad, last = run_by_shape(batch, doubler.check, doubler.forward, CPU)
    assert doubler.stacks == [(2, 2)]
    assert isinstance(bad, InvalidInput)
    assert (first["doubled"].item(), last["doubled"].item()) == (2.0, 4.0)


def test_bad_requests_alone_need_no_forward() -> None:
    doubler = Doubler()
    run_by_shape(requests([[-1.0]]), doubler.check, doubler.forward, CPU)
    assert doubler.stacks == []


@pytest.mark.parametrize("expected", [(3, 4), (None, 4), (None, None)])
def test_shape_that_fits_passes(expected: tuple[int | None, ...]) -> None:
    check_shape({"tokens": torch.ones(2, 3, 4)}, "tokens", expected)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ((3, 5), r"tokens: expected the shape \(3, 5\), got \(3, 4\)"),
        ((None, 5), r"tokens: expected the shape \(any, 5\), got \(3, 4\)"),
        ((3,), r"tokens: expected the shape \(3\), got \(3, 4\)"),
        ((3, 4, None), r"tokens: expected the shape \(3, 4, any\), got \(3, 4\)"),
    ],
    ids=["size", "any", "too-many-dims", "too-few-dims"],
)
def test_shape_that_does_not_fit_is_named(expected: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_shape({"tokens": torch.ones(2, 3, 4)}, "tokens", expected)
