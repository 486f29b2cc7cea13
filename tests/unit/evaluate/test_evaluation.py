"""The whole evaluation, of an artist who draws what is asked for: the ceiling itself."""

import json

import pytest

from scripts.evaluate.album import Album
from scripts.evaluate.effort import Effort
from scripts.evaluate.evaluation import Evaluation, all_cases, judge_album
from scripts.evaluate.report import bar_rows, page_lines, read_comparisons
from scripts.evaluate.sheet import draw_sheet

TINY = Effort(
    persons=12,
    seeds=(1, 2),
    part_persons=2,
    dial_persons=2,
    dial_scales=(0.0, 0.8),
    sheet_persons=1,
    sheet_scenes=2,
)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Every picture is the true drawing, and one is refused."""
    pictures = {case: case.truth.picture for case in all_cases(TINY)}
    refused = next(iter(pictures))
    del pictures[refused]
    return judge_album(Album(pictures, {refused: "SEVERAL_FACES"}), TINY)


def test_true_drawings_reach_their_own_ceiling(evaluation) -> None:
    figures = evaluation.flat()
    assert figures["identity_ratio"] == pytest.approx(1.0)
    assert figures["prompt_accuracy"] == figures["prompt_accuracy_ceiling"]
    assert figures["parts_margin"] == pytest.approx(0.0)  # there are no parts to tell apart
    assert figures["dials_identity_falls"] == figures["dials_default_loss"] == 0.0
    assert figures["dials_ip_adapter_scale_0.8_identity"] == pytest.approx(1.0)


def test_refusals_are_counted_by_their_code(evaluation) -> None:
    figures = evaluation.flat()
    assert (figures["refused"], figures["refused_SEVERAL_FACES"]) == (1, 1)


def test_page_has_every_bar_with_its_verdict_and_every_comparison(evaluation) -> None:
    figures = evaluation.flat()
    page = "\n".join(page_lines(evaluation, figures, {"lora": {"lora_identity_5": 0.5}}))
    for row in bar_rows(figures):
        assert f"| {' | '.join(row)} |" in page
    assert "| lora_identity_5 | 0.500 |" in page


def test_sheet_has_a_row_a_person_with_the_reference_first(evaluation) -> None:
    one_row = draw_sheet(evaluation.album, TINY)
    assert one_row.width > 3 * 256
    assert one_row.height < 2 * 256


def test_only_comparisons_that_were_run_are_read(tmp_path) -> None:
    (tmp_path / "lora.json").write_text(json.dumps({"lora_identity_1": 0.4}))
    (tmp_path / "load.json").write_text(json.dumps({"efficiency": 0.9}))
    assert read_comparisons(tmp_path) == {"lora": {"lora_identity_1": 0.4}}
