"""An evaluation: all that a server was asked for, and what the judge says of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.evaluate.album import STEPS, Album
from scripts.evaluate.cases import Case, unseen_persons
from scripts.evaluate.dials import DIALS, Sweep, dial_cases, sweep_dial
from scripts.evaluate.effort import Effort
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import Figure
from scripts.evaluate.main_table import MainTable, measure_main_table, runs_of
from scripts.evaluate.parts import measure_parts, part_cases, smallest_margin
from scripts.evaluate.sheet import sheet_rows
from scripts.evaluate.statistics import identity_ratio, prompt_accuracy
from scripts.judge.judge import Judge


@dataclass(frozen=True)
class Evaluation:
    """The tables, and the pictures that they are of."""

    effort: Effort
    album: Album
    main_table: MainTable
    parts: Mapping[str, Figure]
    sweeps: Mapping[str, Sweep]

    def flat(self) -> dict[str, float]:
        """Return all figures as a report keeps them."""
        flat: dict[str, float] = {
            "steps": STEPS,
            "persons": self.effort.persons,
            "pictures": len(self.album.pictures),
            "refused": len(self.album.refusals),
            **{f"refused_{code}": n for code, n in Counter(self.album.refusals.values()).items()},
        }
        flat |= self.main_table.flat()
        for name, figure in self.parts.items():
            flat |= figure.flat(name)
        flat["parts_margin"] = smallest_margin(self.parts)
        flat["dials_identity_falls"] = sum(one.identity_falls() for one in self.sweeps.values())
        flat["dials_default_loss"] = max(one.default_loss() for one in self.sweeps.values())
        for dial, sweep in self.sweeps.items():
            for name, statistic in (("identity", identity_ratio), ("prompt", prompt_accuracy)):
                for scale, point in sweep.figures(statistic).items():
                    flat[f"dials_{dial}_{scale:g}_{name}"] = point.value
        return flat


def all_cases(effort: Effort) -> list[Case]:
    """Return the cases of every table; those that two tables share come twice."""
    runs = runs_of(effort)
    for of_part in part_cases(effort).values():
        runs += of_part
    for dial in DIALS:
        runs += dial_cases(effort, dial).values()
    return [case for run in (*runs, *sheet_rows(effort)) for case in run]


def judge_album(album: Album, effort: Effort) -> Evaluation:
    """Return the tables of an album with all cases."""
    examiner = Examiner(Judge(), unseen_persons(effort.persons))
    return Evaluation(
        effort=effort,
        album=album,
        main_table=measure_main_table(examiner, album, effort),
        parts=measure_parts(examiner, album, effort),
        sweeps={dial: sweep_dial(examiner, album, effort, dial) for dial in DIALS},
    )
