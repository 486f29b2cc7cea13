"""The simulation's report: tables and plots on one page of Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scripts.cluster.answers import Answer, knee
from scripts.cluster.findings import Findings
from scripts.cluster.pictures import BOUND, EAGER
from scripts.cluster.plots import plot_knees, plot_validation
from scripts.cluster.sizing import GOAL_FACTOR, SHARE_IN_TIME, Sizing
from scripts.cluster.validation import Comparison
from scripts.reports import REPORTS


def write_cluster_report(findings: Findings) -> Path:
    """Write the page and its plots beside `cluster.json`; return where."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    plot_knees(REPORTS / "cluster_knee.svg", findings.load_curves)
    if findings.comparisons:
        plot_validation(REPORTS / "cluster_validation.svg", findings.comparisons)
    path = REPORTS / "cluster.md"
    path.write_text("\n".join(_page(findings)) + "\n")
    return path


def _page(findings: Findings) -> Iterable[str]:
    yield "# Cluster simulation"
    yield ""
    yield (
        f"A picture has 1024 x 1024 pixels and 30 steps with guidance. It is in time within "
        f"{GOAL_FACTOR:g} times the latency of one that is alone, and {SHARE_IN_TIME:.0%} shall "
        f"be. An H100 cannot be faster than {BOUND.alone_s:.2f} s (a bound); with eager networks "
        f"at the published rate it is {EAGER.alone_s:.2f} s. Neither was measured here."
    )
    yield from _sizes("GPUs that a rate needs, at the bound", findings.bound_sizes)
    yield from _sizes("GPUs that a rate needs, eager", findings.eager_sizes)
    yield from _section("The knee of four GPUs, eager")
    yield from _knees(findings.load_curves)
    yield "![share in time](cluster_knee.svg)"
    yield from _section("A burst of four times the calm rate, and what cold starts cost")
    yield from _answers(findings.cold_starts)
    yield from _section("The autoscaler's target: pictures that run or wait, a server")
    yield from _answers(findings.targets)
    if findings.comparisons:
        yield from _section("Simulated and real servers in clock mode, with the same arrivals")
        yield from _comparisons(findings.comparisons)
        yield "![simulated against real](cluster_validation.svg)"


def _sizes(heading: str, sizes: Sequence[Sizing]) -> Iterable[str]:
    yield from _section(heading)
    balancings = list(dict.fromkeys(sizing.balancing for sizing in sizes))
    gpus = {(sizing.rate_per_s, sizing.balancing): sizing.gpus for sizing in sizes}
    rates = sorted({sizing.rate_per_s for sizing in sizes})
    rows = [(f"{rate:g}", *(gpus[rate, each] for each in balancings)) for rate in rates]
    yield from _table(("pictures/s", *balancings), rows)


def _knees(curves: Mapping[int, Sequence[Answer]]) -> Iterable[str]:
    heads = ["run together", *(answer.label for answer in next(iter(curves.values()))), "knee"]
    rows = [
        (number, *(f"{answer.in_time:.0%}" for answer in answers), f"{knee(answers):g}")
        for number, answers in curves.items()
    ]
    return _table(heads, rows)


def _answers(answers: Sequence[Answer]) -> Iterable[str]:
    rows = []
    for answer in answers:
        latency_s = answer.figures.latency_s
        seconds = (f"{latency_s[percent]:.1f}" for percent in (50, 95, 99))
        gpu_hours = f"{answer.gpu_hours:.1f}"
        refusals = answer.figures.refusals
        rows.append((answer.label, f"{answer.in_time:.1%}", *seconds, refusals, gpu_hours))
    return _table(("", "in time", "p50, s", "p95, s", "p99, s", "refused", "GPU hours"), rows)


def _comparisons(comparisons: Sequence[Comparison]) -> Iterable[str]:
    rows = []
    for each in comparisons:
        real, simulated = each.real, each.simulated
        latencies = (
            f"{figures.latency_s[percent]:.2f}"
            for percent in (50, 95)
            for figures in (real, simulated)
        )
        rates = (f"{figures.pictures_per_s:.2f}" for figures in (real, simulated))
        errors = (f"{error:+.0%}" for error in each.errors().values())
        offered, cpu = f"{each.rate_per_s:.2f}", f"{each.cpu_share:.0%}"
        rows.append((each.num_servers, offered, *latencies, *rates, *errors, cpu))
    pairs = [f"{name}, {kind}" for name in ("p50", "p95", "pictures/s") for kind in ("real", "sim")]
    off = [f"{name} off" for name in ("p50", "p95", "rate")]
    return _table(("servers", "arrivals/s", *pairs, *off, "CPU"), rows)


def _section(heading: str) -> Iterable[str]:
    return ("", f"## {heading}", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [*(f"| {' | '.join(map(str, cells))} |" for cells in lines), ""]
