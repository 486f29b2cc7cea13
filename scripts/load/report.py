"""The load test's report: tables and plots on one page of Markdown."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scripts.load.figures import GOODPUT_FACTORS, PERCENTS
from scripts.load.measured import EMPTY, MONOLITH, ONE_QUEUE, OURS, UNBATCHED, Measured
from scripts.load.plots import plot_latency, plot_step_curve, plot_throughput
from scripts.load.sweep import LoadPoint
from scripts.reports import REPORTS
from scripts.triton_metrics import StageCounters


def write_load_report(measured: Measured, figures: Mapping[str, float | int | str]) -> Path:
    """Write the page and its plots beside `load.json`; return where."""
    plot_step_curve(REPORTS / "load_step_curve.svg", measured.curve)
    plot_throughput(REPORTS / "load_throughput.svg", measured.rates)
    plot_latency(REPORTS / "load_latency.svg", measured.rates)
    path = REPORTS / "load.md"
    path.write_text("\n".join(_page(measured, figures)) + "\n")
    return path


def _page(measured: Measured, figures: Mapping[str, float | int | str]) -> Iterable[str]:
    scale = measured.effort.scale
    yield "# Load test"
    yield ""
    yield (
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores. A picture has "
        f"{scale.side_px} x {scale.side_px} pixels and {scale.steps} steps. Latencies count from "
        "the moment at which a request was due. One client alone waits "
        f"{measured.unloaded_s:.2f} s."
    )
    yield from _section("The networks alone: a step against the rows of its batch")
    yield from _table(
        ("rows", "ms a step", "ms a row"),
        [(rows, f"{ms:.1f}", f"{ms / rows:.2f}") for rows, ms in measured.curve.items()],
    )
    yield "![s(b)](load_step_curve.svg)"
    yield from _section("Five ways of serving the same pictures")
    yield from _arms(measured)
    yield from _section("Where a step of one client goes")
    yield from _step_profile(measured)
    yield from _section("More and more clients who never pause")
    yield from _load_points(measured.closed_loops)
    yield from _section("Independent arrivals")
    yield (
        f"Capacity is what {max(measured.effort.clients)} clients got: "
        f"{measured.capacity_per_s:.2f} pictures a second. Every request has a deadline of "
        f"{max(GOODPUT_FACTORS)} times the unloaded latency, and goodput counts the pictures that "
        "came within so many times of it."
    )
    yield ""
    yield from _load_points((*measured.rates, measured.burst))
    yield "![throughput](load_throughput.svg)"
    yield "![latency](load_latency.svg)"
    yield from _section("Mean requests a batch")
    yield from _batches((*measured.closed_loops, *measured.rates, measured.burst))
    yield from _section("Figures")
    yield from _table(("figure", "value"), [(name, _short(v)) for name, v in figures.items()])


def _arms(measured: Measured) -> Iterable[str]:
    process = measured.beside[OURS]
    latency, per_s = f"{process.latency_s:.3f}", f"{1 / process.latency_s:.2f}"
    rows = [("(a) one process", latency, "1.00", f"{process.step_ms:.1f}", per_s, "1.00")]
    for name, arm in (
        ("(b) one Python model on Triton", MONOLITH),
        ("(c) ours, step batches off", UNBATCHED),
        ("(d) ours", OURS),
        ("(e) ours, one queue for both networks", ONE_QUEUE),
    ):
        alone, beside = measured.alone[arm], measured.beside[arm]
        per_s = f"{measured.together[arm].figures.pictures_per_s:.2f}"
        rows.append(
            (
                name,
                f"{alone.latency_s:.3f}",
                f"{alone.latency_s / beside.latency_s:.2f}",
                f"{alone.step_ms:.1f}",
                per_s,
                f"{measured.throughput_ratio(arm):.2f}",
            )
        )
    together = f"{max(measured.effort.clients)} clients, pictures/s"
    heads = ("", "one client, s", "over (a)", "ms a step", together, "over (a)")
    return _table(heads, rows)


def _step_profile(measured: Measured) -> Iterable[str]:
    stages = measured.step_stages
    ours, beside = measured.alone[OURS], measured.beside[OURS]
    rows: list[tuple[object, ...]] = []
    inside_ms = 0.0
    for name, counters in stages.items():
        parts = _milliseconds(counters)
        inside_ms += sum(parts)
        rows.append((name, *(f"{part:.2f}" for part in parts)))
    yield from _table(("stage", "queue", "inputs", "compute", "outputs"), rows)
    yield (
        f"Milliseconds a request, as Triton counts them. The loop's step takes {ours.step_ms:.1f} "
        f"ms, so {ours.step_ms - inside_ms:.1f} ms pass outside of the two stages; in one process "
        f"a step takes {beside.step_ms:.1f} ms, and with empty networks "
        f"{measured.alone[EMPTY].step_ms:.1f} ms."
    )


def _milliseconds(counters: StageCounters) -> tuple[float, ...]:
    parts = (counters.queue_us, counters.input_us, counters.infer_us, counters.output_us)
    return tuple(part / max(counters.requests, 1) / 1000 for part in parts)


def _load_points(points: Sequence[LoadPoint]) -> Iterable[str]:
    heads = ["", "arrivals", "pictures/s"]
    heads += [f"p{percent}, s" for percent in PERCENTS]
    heads += [f"good {factor}x" for factor in GOODPUT_FACTORS]
    heads += ["refused", "p50, ms", "p99, ms", "missed", "failed"]
    rows = []
    for point in points:
        figures = point.figures
        rows.append(
            (
                point.label,
                figures.arrivals,
                f"{figures.pictures_per_s:.2f}",
                *(_seconds(figures.latency_s, percent) for percent in PERCENTS),
                *(f"{figures.goodput_per_s[factor]:.2f}" for factor in GOODPUT_FACTORS),
                figures.refusals,
                _seconds(figures.refusal_s, 50, unit=1000),
                _seconds(figures.refusal_s, 99, unit=1000),
                figures.missed,
                figures.failures,
            )
        )
    return _table(heads, rows)


def _batches(points: Sequence[LoadPoint]) -> Iterable[str]:
    stages = [name for name, counters in points[0].stages.items() if counters.executions]
    rows = [
        (point.label, *(f"{point.stages[name].mean_batch:.2f}" for name in stages))
        for point in points
    ]
    return _table(("", *stages), rows)


def _seconds(by_percent: Mapping[int, float], percent: int, unit: float = 1.0) -> str:
    return f"{by_percent[percent] * unit:.2f}" if percent in by_percent else ""


def _section(heading: str) -> Iterable[str]:
    return ("", f"## {heading}", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [*(f"| {' | '.join(map(str, cells))} |" for cells in lines), ""]


def _short(value: float | int | str) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
