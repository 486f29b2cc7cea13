"""The evaluation's report: its bars, tables, plots and contact sheet on one page of Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scripts.evaluate.album import STEPS
from scripts.evaluate.bars import BARS
from scripts.evaluate.dials import CURVES, Sweep, plot_sweep
from scripts.evaluate.evaluation import Evaluation
from scripts.evaluate.figure import Figure
from scripts.evaluate.sheet import draw_sheet
from scripts.reports import REPORTS, write_report

# Each comparison keeps a report of its own; the evaluation's repeats what is there.
COMPARISONS = ("lora", "general_encoder", "public_face", "plug_and_play")
_SHEET = "evaluation_sheet.jpg"

Flat = Mapping[str, float | int | str]


def write_evaluation(evaluation: Evaluation, figures: Mapping[str, float]) -> list[Path]:
    """Write `evaluation.json`, `evaluation.md` and its pictures; return where the first two are."""
    comparisons = read_comparisons(REPORTS)
    kept: dict[str, float | int | str] = {}
    for part in (*comparisons.values(), figures):
        kept.update(part)
    numbers = write_report("evaluation", kept)
    draw_sheet(evaluation.album, evaluation.effort).save(REPORTS / _SHEET, quality=90)
    for dial, sweep in evaluation.sweeps.items():
        plot_sweep(REPORTS / _plot_name(dial), dial, sweep)
    page = REPORTS / "evaluation.md"
    page.write_text("\n".join(page_lines(evaluation, figures, comparisons)) + "\n")
    return [numbers, page]


def read_comparisons(folder: Path) -> dict[str, Flat]:
    """Return the figures of each comparison that has been run."""
    paths = {name: folder / f"{name}.json" for name in COMPARISONS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


def bar_rows(figures: Mapping[str, float]) -> list[Sequence[str]]:
    """Return what every bar asks for, what came, and whether that is enough."""
    return [
        (
            bar.figure,
            f"{bar.sign} {bar.bound:g}",
            f"{figures[bar.figure]:.3f}",
            "met" if bar.is_met(figures) else "missed",
        )
        for bar in BARS
    ]


def page_lines(
    evaluation: Evaluation, figures: Mapping[str, float], comparisons: Mapping[str, Flat]
) -> Iterable[str]:
    """Yield the page."""
    effort = evaluation.effort
    yield "# Evaluation"
    yield ""
    yield (
        f"{effort.persons} persons that no weights were trained on, {len(effort.seeds)} seeds, "
        f"{STEPS} steps, default dials; {figures['pictures']:g} pictures in all, and "
        f"{figures['refused']:g} more that the server refused. The noise is the standard error "
        "over the persons, the spread lies between the seeds, and the ceiling is what the judge "
        "says of true drawings."
    )
    yield from _section("Bars")
    yield from _table(("figure", "bar", "value", ""), bar_rows(figures))
    yield from _section("All persons")
    yield from _figures(evaluation.main_table.figures)
    for attribute, group in evaluation.main_table.groups.items():
        yield from _section(f"Identity for each {attribute} alone")
        yield from _figures(group)
    yield from _section(f"Parts, of {effort.part_persons} persons: share of the ceiling's cosine")
    yield from _figures(evaluation.parts)
    for dial, sweep in evaluation.sweeps.items():
        yield from _section(f"{dial}, of {effort.dial_persons} persons")
        yield from _sweep(sweep)
        yield f"![{dial}]({_plot_name(dial)})"
    for name, comparison in comparisons.items():
        yield from _section(f"Comparison: {name}")
        rows = [(figure, _short(value)) for figure, value in comparison.items()]
        yield from _table(("figure", "value"), rows)
    yield from _section("Look")
    yield f"![contact sheet]({_SHEET})"


def _figures(figures: Mapping[str, Figure]) -> Iterable[str]:
    rows = [
        (
            name,
            f"{figure.value:.3f}",
            f"{figure.noise:.3f}",
            f"{figure.spread:.3f}",
            f"{figure.ceiling:.3f}",
        )
        for name, figure in figures.items()
    ]
    return _table(("figure", "value", "noise", "spread", "ceiling"), rows)


def _sweep(sweep: Sweep) -> Iterable[str]:
    curves = [sweep.figures(statistic) for statistic in CURVES.values()]
    rows = [
        (
            f"{scale:g}",
            *(f"{curve[scale].value:.3f} ± {curve[scale].noise:.3f}" for curve in curves),
        )
        for scale in sweep.runs
    ]
    return _table(("scale", *CURVES), rows)


def _plot_name(dial: str) -> str:
    return f"evaluation_{dial}.svg"


def _section(heading: str) -> Iterable[str]:
    return ("", f"## {heading}", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [*(f"| {' | '.join(cells)} |" for cells in lines), ""]


def _short(value: float | int | str) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
