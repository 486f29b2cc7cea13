"""The comparison's table: every arm beside the judge's ceiling."""

import pytest

from scripts.comparisons.lora import table


@pytest.fixture
def figures() -> dict[str, float]:
    names = ("lora_zero_shot_{}", "lora_{}_5")
    measured = {
        name.format(kind) + suffix: 0.5
        for name in names
        for kind in ("identity", "prompt")
        for suffix in ("", "_noise", "_ceiling")
    }
    costs = {name.format(kind): 4000.0 for name in names for kind in ("seconds", "bytes")}
    return measured | costs | {"qlora_ran": 0}


def test_table_ends_with_the_true_drawings(figures: dict[str, float]) -> None:
    figures |= {"lora_zero_shot_identity_ceiling": 1.0, "lora_zero_shot_prompt_ceiling": 0.97}
    lines = table(figures | {"qlora_ran": 1}, ["zero_shot", "5"]).splitlines()
    assert lines[2].startswith("| zero-shot")
    assert lines[3] == "| LoRA, drawings: 5 | 0.50 ± 0.50 | 0.50 ± 0.50 | 4000 | 4 |"
    assert lines[-1] == "| true drawings | 1.00 | 0.97 | | |"


def test_table_says_when_qlora_was_not_run(figures: dict[str, float]) -> None:
    assert "bitsandbytes is not installed" in table(figures, ["zero_shot", "5"])
