"""All that a run has found out, and the figures that it is judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.cluster.answers import Answer, knee
from scripts.cluster.pictures import BOUND, EAGER
from scripts.cluster.sizing import Sizing
from scripts.cluster.validation import Comparison, largest_error


@dataclass(frozen=True)
class Findings:
    """What the simulation says, and how far it is from real servers."""

    bound_sizes: Sequence[Sizing]
    eager_sizes: Sequence[Sizing]
    load_curves: Mapping[int, Sequence[Answer]]  # by how many pictures may run together
    cold_starts: Sequence[Answer]
    targets: Sequence[Answer]
    comparisons: Sequence[Comparison]  # empty: none was asked for

    def figures(self) -> dict[str, float | int | str]:
        """Return the flat figures of `cluster.json`."""
        figures: dict[str, float | int | str] = {
            "alone_s_bound": BOUND.alone_s,
            "alone_s_eager": EAGER.alone_s,
        }
        for kind, sizes in (("bound", self.bound_sizes), ("eager", self.eager_sizes)):
            for each in sizes:
                name = each.balancing.replace(" ", "_")
                figures[f"gpus_{kind}_{each.rate_per_s:g}_per_s_{name}"] = each.gpus
        for number, answers in self.load_curves.items():
            figures[f"knee_{number}_together"] = knee(answers)
        for answer in (*self.cold_starts, *self.targets):
            figures[f"in_time_{answer.label.replace(' ', '_')}"] = answer.in_time
        if self.comparisons:
            figures["simulation_error"] = largest_error(self.comparisons)
            figures["machine_cpu_share"] = max(each.cpu_share for each in self.comparisons)
        return figures
