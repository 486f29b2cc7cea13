"""The bars: what the figures of `make provenance` have to reach."""

from collections.abc import Mapping, Sequence

from scripts.bar import Bar, missed_bars

MARKED_EDITS = ("jpeg_75", "webp_80", "half_size", "crop_10", "brighter_20", "darker_20")

BARS = (
    Bar("tamper_missed", "<=", 0),
    Bar("forgeries_trusted", "<=", 0),
    Bar("ssrf_requests", "<=", 0),
    *(Bar(f"mark_recall_large_{edit}", ">=", 0.99) for edit in MARKED_EDITS),
    *(Bar(f"mark_recall_pocket_{edit}", ">=", 0.95) for edit in MARKED_EDITS),
    Bar("psnr_large_db", ">=", 45),
    Bar("psnr_pocket_db", ">=", 32),
    Bar("mark_false_positives", "<=", 0),
    Bar("averaging_forged", "<=", 0),
    Bar("copies_unnoticed", "<=", 0),
    Bar("identity_drawn_kept", ">=", 0.95),
)
SPEED_BARS = (Bar("tail_png_ms", "<=", 170), Bar("tail_jpeg_ms", "<=", 90))  # of an idle machine


def violations(figures: Mapping[str, float], bars: Sequence[Bar]) -> list[str]:
    """Return in words which bars are missed, and if a generated face suffers from its mark."""
    missed = missed_bars(figures, bars)
    if "identity_generated_marked" in figures:
        lost = figures["identity_generated_unmarked"] - figures["identity_generated_marked"]
        if not lost <= figures["identity_generated_noise"]:
            missed.append(f"identity_generated: the mark costs {lost:.3f} of the cosine")
    return missed
