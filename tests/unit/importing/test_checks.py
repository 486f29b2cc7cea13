"""Keys and shapes: every difference is named, with the file it is in."""

import pytest
import torch

from instantid_server.importing.checks import check_config, check_tensors
from instantid_server.importing.failure import ImportFailed

EXPECTED = {name: torch.Size((2, 3)) for name in ("a", "b", "c", "d", "e")}


def test_equal_tensors_pass() -> None:
    check_tensors("a file", EXPECTED, dict(reversed(EXPECTED.items())))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param({**EXPECTED, "x": torch.Size(())}, "unexpected: x", id="unexpected"),
        pytest.param({"a": EXPECTED["a"]}, "missing: b, c, d and 1 more", id="missing"),
        pytest.param(
            {**EXPECTED, "b": torch.Size((3, 2))},
            r"of another shape: b is \[3, 2\] and not \[2, 3\]",
            id="shape",
        ),
    ],
)
def test_difference_is_named(found: dict[str, torch.Size], told: str) -> None:
    with pytest.raises(ImportFailed, match=f"a file: expected 5 tensors.*{told}"):
        check_tensors("a file", found, EXPECTED)


def test_differing_config_is_named() -> None:
    with pytest.raises(ImportFailed, match="unet: in_channels is 9, expected 4"):
        check_config("unet", {"in_channels": 9}, {"in_channels": 4})
