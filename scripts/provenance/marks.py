"""The pixel mark measured: what it survives, costs and is mistaken for, and what attacks achieve.

`python -m scripts.provenance.marks` prints the figures, and what else it survives at which size.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from instantid_server.contract import MarkState
from instantid_server.images import RGB
from instantid_server.trust.marks.perceptual_hash import is_same_picture, perceptual_hash
from instantid_server.trust.marks.watermarker import Watermarker
from scripts.known_keys import known_mark
from scripts.provenance.edits import EDITS, HARDER_EDITS
from scripts.provenance.mark_attacks import average, copy
from scripts.provenance.mark_baseline import METHODS, InvisibleWatermark
from scripts.provenance.mark_recall import recall
from scripts.provenance.pictures import cut_out, drawings, generated, photographs, texture

_SIZES_PX = ((512, 512), (640, 960), (1024, 768), (512, 896))
_TABLE_SIZES_PX = (64, 96, 128, 192, 256, 512, 1024, 2048)
_TIMED_SIZE_PX = 1024
_ATTACKED_SIZE_PX = 512


@dataclass(frozen=True)
class Amount:
    """How many pictures each figure is taken from."""

    textures: int
    photographs: int
    marks_of_a_photograph: int
    drawn: int
    generated: int
    clean: int
    averaged: int
    victims: int
    baseline: int
    timed: int


_QUICK = Amount(2, 2, 1, 12, 0, 20, 50, 1, 1, 3)
_WHOLE = Amount(64, 12, 3, 200, 40, 2000, 50, 12, 8, 15)


def measure(quick: bool) -> dict[str, float]:
    """Return recalls, false positives, PSNR, times in milliseconds, and what attacks achieve."""
    cv2.setNumThreads(1)  # all times are those of one thread
    amount = _QUICK if quick else _WHOLE
    rng = np.random.default_rng(7)
    mark = known_mark()
    photos = photographs()[: amount.photographs]
    textures = [texture(rng, *_SIZES_PX[i % len(_SIZES_PX)]) for i in range(amount.textures)]
    pocket = drawings(amount.drawn) + (generated(amount.generated) if amount.generated else [])
    large = textures + photos * amount.marks_of_a_photograph
    return {
        **_recalls(mark, large, "large", rng),
        **_recalls(mark, pocket, "pocket", rng),
        **_false_positives(mark, photos + textures, pocket, amount.clean, rng),
        **_hash_figures(photos + textures, pocket),
        **_times(mark, rng, amount.timed),
        **_attacks(mark, photos + textures, amount, rng),
        **_baseline((photos + textures)[: amount.baseline], rng),
    }


def _recalls(
    mark: Watermarker, pictures: list[RGB], kind: str, rng: np.random.Generator
) -> dict[str, float]:
    found = recall(mark, pictures, EDITS, rng)
    by_edit = {f"mark_recall_{kind}_{edit}": share for edit, share in found.by_edit.items()}
    return by_edit | {f"psnr_{kind}_db": found.psnr_db}


def _false_positives(
    mark: Watermarker, large: list[RGB], pocket: list[RGB], count: int, rng: np.random.Generator
) -> dict[str, float]:
    states = [mark.detect(picture).state for picture in _clean_pictures(large, pocket, count, rng)]
    return {
        "mark_false_positives": states.count(MarkState.OURS),
        "mark_false_doubts": states.count(MarkState.INCONCLUSIVE),
        "mark_false_positive_pictures": len(states),
    }


def _clean_pictures(
    large: list[RGB], pocket: list[RGB], count: int, rng: np.random.Generator
) -> Iterator[RGB]:
    """Yield every picture whole, then parts of them, until there are so many."""
    whole = [*large, *pocket][:count]
    yield from whole
    for index in range(count - len(whole)):
        height, width = rng.integers(64, 160, 2).tolist()
        yield cut_out(rng, large[index % len(large)], height, width)


def _hash_figures(large: list[RGB], pocket: list[RGB]) -> dict[str, float]:
    """Return how often an edited picture passes for the one recorded, and how often others do."""
    pictures = [*large, *pocket]
    hashes = [perceptual_hash(picture) for picture in pictures]
    kept = [
        is_same_picture(recorded, perceptual_hash(edit(picture)))
        for edit in EDITS.values()
        for recorded, picture in zip(hashes, pictures, strict=True)
    ]
    confused = [is_same_picture(one, other) for i, one in enumerate(hashes) for other in hashes[:i]]
    return {
        "hash_kept_after_edits": float(np.mean(kept)),
        "hash_confused_pairs": float(np.mean(confused)),
    }


def _times(mark: Watermarker, rng: np.random.Generator, rounds: int) -> dict[str, float]:
    clean = texture(rng, _TIMED_SIZE_PX, _TIMED_SIZE_PX)
    marked = mark.embed(clean, "0" * 32)
    return {
        "mark_embed_ms_1024": _median_ms(lambda: mark.embed(clean, "0" * 32), rounds),
        "mark_detect_ms_1024": _median_ms(lambda: mark.detect(marked), rounds),
        "mark_detect_none_ms_1024": _median_ms(lambda: mark.detect(clean), max(rounds // 3, 1)),
    }


def _median_ms(work: Callable[[], object], rounds: int) -> float:
    work()  # what is cached is cached
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def _attacks(
    mark: Watermarker, large: list[RGB], amount: Amount, rng: np.random.Generator
) -> dict[str, float]:
    size = (_ATTACKED_SIZE_PX, _ATTACKED_SIZE_PX)
    fitting = [picture for picture in large if min(picture.shape[:2]) >= _ATTACKED_SIZE_PX]
    originals = [cut_out(rng, fitting[i % len(fitting)], *size) for i in range(amount.averaged)]
    victims = [texture(rng, *size) for _ in range(amount.victims)]
    averaged = average(mark, originals, victims, rng)
    copied = copy(mark, originals[: amount.victims], victims, rng)
    return {
        "averaging_forged": averaged.forged,
        "averaging_forged_of_one_id": averaged.forged_of_one_id,
        "attacked_pictures": len(victims),
        "copies_read_as_ours": copied.read_as_ours,
        "copies_unnoticed": copied.unnoticed,
    }


def _baseline(pictures: list[RGB], rng: np.random.Generator) -> dict[str, float]:
    figures: dict[str, float] = {}
    for method in METHODS:
        found = recall(InvisibleWatermark(method), pictures, EDITS, rng)
        figures |= {f"baseline_{method}_{edit}": share for edit, share in found.by_edit.items()}
        figures[f"baseline_{method}_psnr_db"] = found.psnr_db
    return figures


def show_sizes(pictures_of_a_size: int) -> None:
    """Print what is read at which size after which edit, of textures and of flat drawings."""
    edits = EDITS | HARDER_EDITS
    rng = np.random.default_rng(8)
    print(f"{'':16} {'PSNR':>5} " + " ".join(f"{edit:>11}" for edit in edits))
    for size in _TABLE_SIZES_PX:
        count = pictures_of_a_size if size <= _ATTACKED_SIZE_PX else 4
        kinds = {
            "texture": [texture(rng, size, size) for _ in range(count)],
            "drawing": drawings(count, size),
        }
        for kind, pictures in kinds.items():
            found = recall(known_mark(), pictures, edits, rng)
            shares = " ".join(f"{100 * share:10.0f}%" for share in found.by_edit.values())
            print(f"{size:5} {kind:10} {found.psnr_db:5.1f} {shares}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m scripts.provenance.marks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures, and no table of sizes")
    options = parser.parse_args()
    for name, value in measure(options.quick).items():
        print(f"{name:40} {value:10.4g}")
    if not options.quick:
        show_sizes(pictures_of_a_size=12)


if __name__ == "__main__":
    main()
