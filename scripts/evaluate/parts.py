"""The parts: what the identity tokens and IdentityNet bring, alone and together."""

from collections.abc import Mapping

from scripts.evaluate.album import Album
from scripts.evaluate.cases import DEFAULT_DIALS, Case, Dials, cases_of, unseen_persons
from scripts.evaluate.effort import Effort
from scripts.evaluate.examiner import Examiner
from scripts.evaluate.figure import Figure, measure
from scripts.evaluate.scores import answered
from scripts.evaluate.statistics import identity_ratio

BOTH, TOKENS, IDENTITYNET, NONE = (
    f"parts_{part}" for part in ("both", "tokens", "identitynet", "none")
)
PARTS = {
    BOTH: DEFAULT_DIALS,
    TOKENS: Dials(controlnet_conditioning_scale=0.0),
    IDENTITYNET: Dials(ip_adapter_scale=0.0),
    NONE: Dials(ip_adapter_scale=0.0, controlnet_conditioning_scale=0.0),
}
_BETTER_AND_WORSE = ((BOTH, TOKENS), (BOTH, IDENTITYNET), (TOKENS, NONE), (IDENTITYNET, NONE))


def part_cases(effort: Effort) -> dict[str, list[list[Case]]]:
    """Return the cases of each part, seed by seed."""
    persons = unseen_persons(effort.part_persons)
    return {
        part: [cases_of(persons, seed, dials) for seed in effort.seeds]
        for part, dials in PARTS.items()
    }


def measure_parts(examiner: Examiner, album: Album, effort: Effort) -> dict[str, Figure]:
    """Return the identity ratio of each part."""
    cases = part_cases(effort)
    all_runs = {
        (part, seed): examiner.score(run, album.pictures_of(run))
        for part, of_part in cases.items()
        for seed, run in zip(effort.seeds, of_part, strict=True)
    }
    runs, truth = answered(all_runs, examiner.score_truth(cases[BOTH][0]))
    return {
        part: measure(identity_ratio, [runs[part, seed] for seed in effort.seeds], truth)
        for part in PARTS
    }


def smallest_margin(parts: Mapping[str, Figure]) -> float:
    """Return by how much both parts beat each, and each beats none, where that is least.

    It is the worst seed of the better against the best seed of the worse, so that a margin above
    zero is more than the seeds' noise.
    """
    return min(
        min(parts[better].by_seed) - max(parts[worse].by_seed)
        for better, worse in _BETTER_AND_WORSE
    )
