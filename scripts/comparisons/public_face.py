"""A public face: a person who is nobody, made of private ones, and yet the same in every scene.

`python -m scripts.comparisons.public_face` makes such faces in several ways, draws each in several
scenes, and has the judge search a gallery for them. It prints one table and writes
`build/reports/public_face.json`, with some of the pictures beside it.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from PIL import Image

from scripts.comparisons.public_face_comparison import QUICK, WHOLE, Comparison, Size
from scripts.comparisons.public_face_ways import PRIVATE, PUBLIC, RECOMMENDED
from scripts.contact_sheet import Tile, contact_sheet
from scripts.reports import REPORTS, ROOT, write_report

_COLUMNS = {
    "source_cosine": "cosine to its source",
    "source_at_pair_1_percent": "is its source, at 1 %",
    "source_at_pair_01_percent": "at 0.1 %",
    "somebody_at_pair_01_percent": "somebody, at 0.1 %",
    "somebody_at_search_1_percent": "at 1 % of searches",
    "same_cosine": "same face",
    "different_cosine": "other face",
    "same_at_pair_1_percent": "is itself, at 1 %",
}

Figures = dict[str, dict[str, float]]  # by row of the table, then by column


def compare(repository: Path, size: Size) -> tuple[Figures, Image.Image]:
    """Return the table's figures, and a sheet with the first face of each way."""
    comparison = Comparison(repository, size)
    figures: Figures = {"drawn": comparison.drawn(), "strangers": comparison.strangers()}
    source = Image.fromarray(comparison.first_source())
    rows: list[list[Tile]] = []
    for way in (PRIVATE, *PUBLIC):
        pictures, figures[way.name] = comparison.draw(way)
        scenes = [(way.name, Image.fromarray(picture)) for picture in pictures[0]]
        rows.append([("of this person", source), *scenes])
    return figures, contact_sheet(rows)


def report(figures: Figures, size: Size) -> dict[str, float]:
    """Return the figures by flat names, above all those of the way to take."""
    best, private = figures[RECOMMENDED], figures[PRIVATE.name]
    return {
        "public_face_matched": best["somebody_at_search_1_percent"],
        "public_face_matched_to_source": best["source_at_pair_1_percent"],
        "public_face_consistency": best["same_cosine"] / private["same_cosine"],
        **{f"public_face_{name}": count for name, count in asdict(size).items()},
        **{
            f"public_face_{row}_{column}": value
            for row, columns in figures.items()
            for column, value in columns.items()
        },
    }


def table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures as a table in Markdown, with a dash for what a row cannot have."""
    lines = [f"| | {' | '.join(_COLUMNS.values())} |", f"|---|{'--:|' * len(_COLUMNS)}"]
    for name, row in figures.items():
        cells = [f"{row[column]:.2f}" if column in row else "-" for column in _COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Compare, print the table and write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.comparisons.public_face", description=__doc__
    )
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository")
    parser.add_argument("--quick", action="store_true", help="few faces and a small gallery")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    size = QUICK if arguments.quick else WHOLE
    figures, sheet = compare(arguments.repository, size)
    path = write_report("public_face", report(figures, size))
    sheet.save(REPORTS / "public_face.png")
    print(f"{table(figures)}\n{path}")


if __name__ == "__main__":
    main()
